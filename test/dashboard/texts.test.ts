// Every word of the dashboard is in texts/, in both languages. Read from the sources themselves, so that a text that is
// written into a page is found on the day it is.

import { describe, expect, it } from 'vitest';
import { HAS_WORD, literalTexts } from './literal-texts.ts';

type Text = string | ((...values: string[]) => string);
type Entry = Record<'en' | 'pt', Text>;
type Entries = { entries: Record<string, Entry> };

const files = import.meta.glob('../../src/dashboard/**/{texts,*-texts}.ts', { eager: true });
const sources = import.meta.glob('../../src/dashboard/**/*.tsx', {
  eager: true,
  query: '?raw',
  import: 'default',
}) as Record<string, string>;

/** Words that are the same in both languages. */
const SAME_IN_BOTH = new Set(['Status', 'status', 'Payload', 'URL', 'cURL', 'JSON']);
/** What texts of problems take by name; as a text it is the first value of the others. */
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
/** A text of one or of many has the number itself as its first value. */
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

  it('are not one language in both places', () => {
    const isSame = ({ en, pt }: Entry) => HAS_WORD.test(written(en)) && written(en) === written(pt);
    const same = entries.filter(([, entry]) => isSame(entry) && !SAME_IN_BOTH.has(written(entry.en)));
    expect(same).toEqual([]);
  });

  const given = path.endsWith('/problem-texts.ts') ? [[VALUES]] : [[VALUES], [VALUES_OF_ONE]];
  it.each(given)('say as much in both languages of %j', (values) => {
    const said = (language: 'en' | 'pt') =>
      Object.fromEntries(entries.map(([name, entry]) => [name, placeholdersIn(entry[language], values)]));
    expect(said('pt')).toEqual(said('en'));
  });
});

describe('the pages', () => {
  it('are found', () => expect(Object.keys(sources).length).toBeGreaterThan(15));

  it.each(Object.entries(sources))('have no text of their own, %s', (_, source) => {
    expect(literalTexts(source)).toEqual([]);
  });
});

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: sources
describe('words in a page', () => {
  it.each([
    ['between tags', '<p>Some words</p>', ['Some words']],
    ['beside an element', '<p>Some <b>{t.bold}</b> words</p>', ['Some', 'words']],
    ['in a fragment', 'const a = (<>Some words</>);', ['Some words']],
    [
      'in an element within code',
      'return list.map(({ a }) => <li>Some {a < 1 && <i>words</i>}</li>);',
      ['Some', 'words'],
    ],
    ['as a string', "<p>{' '}{'Some words'}</p>", ['Some words']],
    ['as one of two strings', "<p>{isOne ? 'one' : `so many: ${n}`}</p>", ['one', 'so many:']],
    [
      'in attributes that people read',
      '<a title="Some words" aria-label={`so ${many}`}>{t.a}</a>',
      ['Some words', 'so'],
    ],
    ['of a component', '<Page view={view} title="Some words">{t.a}</Page>', ['Some words']],
  ])('are found %s', (_, source, words) => {
    expect(literalTexts(source)).toEqual(words);
  });

  it.each([
    [
      'types and comparisons',
      'const f: FC<{ a: Map<string, number> }> = ({ a }) => a.size < 3 && 4 > a.size;',
    ],
    ['attributes that nobody reads', '<a class="some words" href={`/events/${id}`}>{t.a}</a>'],
    ['arguments', "<p>{t.times(words('some words'), kind === 'other words')}</p>"],
    ['marks', "<p>{' · '}–&nbsp;{`${a}: ${b}`}</p>"],
    ['comments and patterns', "// it's so\nconst a = /'<p>words/; /* <p>words</p> */"],
  ])('are not seen in %s', (_, source) => {
    expect(literalTexts(source)).toEqual([]);
  });
});
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: sources

function written(text: Text, values = VALUES): string {
  return typeof text === 'string' ? text : text(...values);
}

/** What a text has of the values that it is given, and of its own `{n}`. */
function placeholdersIn(text: Text, values: string[]): string[] {
  return (written(text, values).match(/⟨\w+⟩|\{\w+\}/g) ?? []).sort();
}
