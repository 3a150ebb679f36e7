// Where a page is led on to: the sign-in and the switch of the language take an address from whoever made the link.

const HERE = 'http://here';

/**
 * A path of this receiver with its query, or the beginning, `/`: nobody is led elsewhere.
 *
 * What is judged is the address that a browser makes of the answer. Dots, backslashes and tabs are resolved before
 * that: `/.//evil.example` becomes the path `//evil.example`, which names another host once it stands alone.
 */
export function localPath(asked: unknown): string {
  if (typeof asked !== 'string' || !asked.startsWith('/')) return '/';
  const resolved = URL.parse(asked, HERE);
  if (resolved?.origin !== HERE) return '/';
  const path = resolved.pathname + resolved.search;
  return URL.parse(path, HERE)?.href === HERE + path ? path : '/';
}
