// Addresses of this receiver's pages.

const HERE = 'http://here';

/**
 * The path and query to lead somebody on to after the sign-in or the switch of the language, or `/`. The address comes
 * from whoever made the link, and must lead nowhere else.
 *
 * What is judged is the address that a browser makes of the answer, in which dots, backslashes and tabs are resolved:
 * `/.//evil.example` becomes the path `//evil.example`, which by itself names another host.
 */
export function localPath(asked: unknown): string {
  if (typeof asked !== 'string' || !asked.startsWith('/')) return '/';
  const resolved = URL.parse(asked, HERE);
  if (resolved?.origin !== HERE) return '/';
  const path = resolved.pathname + resolved.search;
  return URL.parse(path, HERE)?.href === HERE + path ? path : '/';
}

/** An address with some parameters of its query changed; `null` and an empty text remove one. */
export function withQuery(address: string, changes: Record<string, string | null>): string {
  const url = new URL(address, HERE);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url.pathname + url.search;
}

/**
 * The path of a page, of parts that are encoded as they need it: pagePath`/events/${integration}/${id}`. Half of a surrogate
 * pair can be in no address, and nothing is stored under one.
 */
export function pagePath(strings: TemplateStringsArray, ...parts: string[]): string {
  return String.raw({ raw: strings }, ...parts.map((part) => encodeURIComponent(part.toWellFormed())));
}
