// What befell dead letters, in words.

import type { DeadLetterKind, NeverSentReason } from '../../store/dead-letters.ts';
import type { Language } from '../frame/language.ts';
import { deadLetterTexts } from './texts.ts';

/** What befell one. */
export function kindWords(kind: DeadLetterKind, language: Language): string {
  const t = deadLetterTexts(language);
  switch (kind) {
    case 'given-up':
      return t.givenUp;
    case 'intake':
      return t.intake;
    case 'never-sent':
      return t.neverSent;
  }
}

/** What it is that befell it, and what is to be done. */
export function explanation(kind: DeadLetterKind, language: Language): string {
  const t = deadLetterTexts(language);
  switch (kind) {
    case 'given-up':
      return t.what;
    case 'intake':
      return t.whatIntake;
    case 'never-sent':
      return t.whatNeverSent;
  }
}

/** Why an event was never sent. */
export function reasonWords(reason: NeverSentReason, language: Language): string {
  const t = deadLetterTexts(language);
  switch (reason) {
    case 'no-message':
      return t.noMessage;
    case 'refused':
      return t.refused;
  }
}
