// Why webhooks are rejected, in words.

import type { RejectionReason } from '../../contract/assess.ts';
import type { Language } from '../frame/language.ts';
import { rejectionTexts } from './texts.ts';

/** Why a webhook became no event, in words that follow it. */
export function reasonWords(reason: RejectionReason, language: Language): string {
  const t = rejectionTexts(language);
  switch (reason) {
    case 'badly-encoded':
      return t.badlyEncoded;
    case 'not-utf8':
      return t.notUtf8;
    case 'not-json':
      return t.notJson;
    case 'contract-broken':
      return t.contractBroken;
    case 'wrong-application':
      return t.wrongApplication;
    case 'unauthorized':
      return t.unauthorized;
    case 'differs':
      return t.differs;
  }
}
