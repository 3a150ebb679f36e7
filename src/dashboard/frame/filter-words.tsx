// Filters as a sentence's worth of facts: what chooses the things that something is done to.

import type { Child } from 'hono/jsx';
import { DEAD_LETTER_KINDS } from '../../store/dead-letters.ts';
import { BLOTTED_CONTACT } from '../../store/replays.ts';
import { deadLetterTexts } from '../dead-letters/texts.ts';
import { kindWords } from '../dead-letters/words.ts';
import { filterTexts } from './filter-texts.ts';
import { phone } from './formats.ts';
import { Time } from './page.tsx';
import { commonTexts } from './texts.ts';
import type { Visitor } from './view.ts';
import { withinItself } from './writing-direction.ts';

/** Each filter by name with its value in words. */
export function filterWords(
  view: Visitor,
  filter: Readonly<Record<string, string | undefined>>,
): [name: string, words: Child][] {
  return Object.entries(filter).flatMap(([name, value]): [string, Child][] =>
    value === undefined ? [] : [[nameWords(name, view), valueWords(name, value, view)]],
  );
}

function nameWords(name: string, { language }: Visitor): string {
  const t = commonTexts(language);
  switch (name) {
    case 'integration':
      return t.integration;
    case 'type':
      return t.type;
    case 'status':
      return t.status;
    case 'contact':
      return t.contact;
    case 'since':
      return t.since;
    case 'until':
      return t.until;
    case 'kind':
      return deadLetterTexts(language).kind;
    case 'messageId':
      return filterTexts(language).messageId;
    default:
      return name;
  }
}

function valueWords(name: string, value: string, view: Visitor): Child {
  const t = commonTexts(view.language);
  const asWritten = <bdi>{withinItself(name === 'contact' ? phone(value) : value)}</bdi>;
  switch (name) {
    case 'since':
    case 'until':
      return Number.isNaN(Date.parse(value)) ? asWritten : <Time view={view} at={value} whole />;
    case 'type':
      return value === 'response' ? t.response : value === 'status' ? t.statusEvent : asWritten;
    case 'status':
      switch (value) {
        case 'sent':
        case 'delivered':
        case 'read':
        case 'failed':
          return t[value];
        default:
          return asWritten;
      }
    case 'kind': {
      const kind = DEAD_LETTER_KINDS.find((known) => known === value);
      return kind === undefined ? asWritten : kindWords(kind, view.language);
    }
    case 'contact':
      return value === BLOTTED_CONTACT ? filterTexts(view.language).blotted : asWritten;
    default:
      return asWritten;
  }
}
