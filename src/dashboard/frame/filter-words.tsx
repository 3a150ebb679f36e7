// Filters in words, for where something is done to everything that matches.

import type { Child } from 'hono/jsx';
import { BLOTTED_CONTACT } from '../../contract/contact.ts';
import { type Fact, Time } from './components.tsx';
import { phone } from './formats.ts';
import { textOfCode } from './language.ts';
import { commonTexts, eventTypeTexts, filterTexts, statusTexts } from './texts.ts';
import type { Visitor } from './view.ts';
import { withinItself } from './writing-direction.ts';

/** The names and values of filters, in words. */
export function filterWords(view: Visitor, filter: Readonly<Record<string, string | undefined>>): Fact[] {
  const names = filterTexts(view.language);
  return Object.entries(filter).flatMap(([name, value]) =>
    value === undefined ? [] : [[textOfCode(names, name) ?? name, valueWords(name, value, view)]],
  );
}

function valueWords(name: string, value: string, view: Visitor): Child {
  const asWritten = <bdi>{withinItself(name === 'contact' ? phone(value) : value)}</bdi>;
  switch (name) {
    case 'since':
    case 'until':
      return Number.isNaN(Date.parse(value)) ? asWritten : <Time view={view} at={value} whole />;
    case 'type':
      return textOfCode(eventTypeTexts(view.language), value) ?? asWritten;
    case 'status':
      return textOfCode(statusTexts(view.language), value) ?? asWritten;
    case 'contact':
      return value === BLOTTED_CONTACT ? commonTexts(view.language).blottedContact : asWritten;
    default:
      return asWritten;
  }
}
