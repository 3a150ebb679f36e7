// Every text of the dashboard is there in both languages. That no page has texts of its own is seen to by Biome, with
// tools/literal-texts.grit.

import { describe, expect, it } from 'vitest';

type Text = string | ((...values: string[]) => string);
type Entry = Record<'en' | 'pt', Text>;
type Entries = { entries: Record<string, Entry> };

const files = import.meta.glob('../../src/dashboard/**/{texts,*-texts}.ts', { eager: true });

const HAS_WORD = /\p{L}{2}/u;
/** Words that are the same in both languages. */
const SAME_IN_BOTH = new Set(['Status', 'status', 'Payload', 'URL', 'cURL', 'JSON', 'Binding']);
/** The parameters that texts of problems take by name. To other texts, which take texts, it is the first of them. */
const FIRST = {
  max: '⟨max⟩',
  min: '⟨min⟩',
  days: '⟨days⟩',
  parameter: '⟨parameter⟩',
  expected: '⟨expected⟩',
  received: '⟨received⟩',
  values: ['⟨one⟩', '⟨other⟩'],
  known: ['⟨known⟩'],
  toString: () => '⟨first⟩',
} as unknown as string;
const VALUES = [FIRST, '⟨second⟩', '⟨third⟩', '⟨fourth⟩', '⟨fifth⟩'];
/** Texts with a singular and a plural take the number itself as their first value. */
const VALUES_OF_ONE = [1 as unknown as string, ...VALUES.slice(1)];

describe.each(Object.entries(files))('the texts of %s', (path, exported) => {
  const entries = Object.values(exported as object)
    .filter((value): value is Entries => 'entries' in value)
    .flatMap(({ entries: named }) => Object.entries(named));

  it('are found', () => expect(entries.length).toBeGreaterThan(0));

  it('are there in both languages', () => {
    const missing = entries.filter(([, { en, pt }]) => [en, pt].some((text) => written(text).trim() === ''));
    expect(missing).toEqual([]);
  });

  it('differ between the languages', () => {
    const isSame = ({ en, pt }: Entry) => HAS_WORD.test(written(en)) && written(en) === written(pt);
    const same = entries.filter(([, entry]) => isSame(entry) && !SAME_IN_BOTH.has(written(entry.en)));
    expect(same).toEqual([]);
  });

  const given = path.endsWith('/problem-texts.ts') ? [[VALUES]] : [[VALUES], [VALUES_OF_ONE]];
  it.each(given)('have the same placeholders in both languages: %j', (values) => {
    const said = (language: 'en' | 'pt') =>
      Object.fromEntries(entries.map(([name, entry]) => [name, placeholdersIn(entry[language], values)]));
    expect(said('pt')).toEqual(said('en'));
  });
});

function written(text: Text, values = VALUES): string {
  return typeof text === 'string' ? text : text(...values);
}

/** The placeholders in a text: the values that it was given, and its own `{n}`. */
function placeholdersIn(text: Text, values: string[]): string[] {
  return (written(text, values).match(/⟨\w+⟩|\{\w+\}/g) ?? []).sort();
}
