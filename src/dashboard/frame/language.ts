// The two languages of the dashboard: which one a request gets, and how texts are kept in both.

import type { Context } from 'hono';
import { accepts } from 'hono/accepts';
import { getCookie } from 'hono/cookie';

export const LANGUAGES = ['pt', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Where the switch leaves the choice. */
export const LANGUAGE_COOKIE = 'language';

/** As `lang` attributes and `Intl` have them. */
export const LOCALES = { pt: 'pt-BR', en: 'en' } as const satisfies Record<Language, string>;

/** What was chosen by the switch, else the first that the browser asks for and there is, else Portuguese. */
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

/** A text in both languages, or what makes one of values, which takes the same in both. */
type Entry = Record<Language, string> | Record<Language, (...values: never[]) => string>;

type InOne<Entries extends Record<string, Entry>> = {
  readonly [Name in keyof Entries]: Entries[Name]['en'] extends string ? string : Entries[Name]['en'];
};

/** Texts by name; `entries` has them side by side. */
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
