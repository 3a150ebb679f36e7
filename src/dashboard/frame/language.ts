// The two languages of the dashboard: which one a request is answered in, and how texts are kept in both.

import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { getCookie } from 'hono/cookie';

export const LANGUAGES = ['pt', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The cookie in which the language switch keeps what was chosen. */
export const LANGUAGE_COOKIE = 'language';

/** For `lang` attributes and `Intl`. */
export const LOCALES = { pt: 'pt-BR', en: 'en' } as const satisfies Record<Language, string>;

/** The language chosen by the switch, else the first of the browser's that there is, else Portuguese. */
export function languageOf(c: Context): Language {
  const asked = accepts(c, {
    header: 'Accept-Language',
    supports: [...LANGUAGES],
    default: 'pt',
    match: (mostWantedFirst, config) =>
      mostWantedFirst.map(({ type }) => languageNamed(type)).find((language) => language !== undefined) ??
      config.default,
  });
  return languageNamed(getCookie(c, LANGUAGE_COOKIE) ?? '') ?? languageNamed(asked) ?? 'pt';
}

/** The language of a tag such as `pt-BR` (RFC 5646). */
function languageNamed(tag: string): Language | undefined {
  return LANGUAGES.find((known) => known === tag.toLowerCase().split('-')[0]);
}

/** A text in both languages, or in both a function of the same values that makes one. */
type Entry = Record<Language, string> | Record<Language, (...values: never[]) => string>;

/** One text for each code, to be checked by `satisfies`. */
export type TextsByCode<Code extends string> = Record<Code, Record<Language, string>>;

type InOne<Entries extends Record<string, Entry>> = {
  readonly [Name in keyof Entries]: Entries[Name]['en'] extends string ? string : Entries[Name]['en'];
};

/** Gives the texts of one language by name; `entries` has both languages side by side. */
export interface Texts<Entries extends Record<string, Entry>> {
  (language: Language): InOne<Entries>;
  entries: Entries;
}

/**
 * Texts in both languages: one that is missing does not compile.
 *
 * ```ts
 * const textsOf = texts({
 *   title: { en: 'Events', pt: 'Eventos' },
 *   found: { en: (n: number) => `${n} found`, pt: (n: number) => `${n} encontrados` },
 * });
 * const t = textsOf(view.language);
 * t.title;
 * ```
 */
export function texts<const Entries extends Record<string, Entry>>(entries: Entries): Texts<Entries> {
  const inOne = (language: Language) =>
    Object.fromEntries(
      Object.entries(entries).map(([name, entry]) => [name, entry[language]]),
    ) as InOne<Entries>;
  const byLanguage = { pt: inOne('pt'), en: inOne('en') };
  return Object.assign((language: Language) => byLanguage[language], { entries });
}

/** The text of a code that comes from outside; `undefined` where there is none for it. */
export function textOfCode(texts: Readonly<Record<string, string>>, code: string): string | undefined {
  return Object.hasOwn(texts, code) ? texts[code] : undefined;
}
