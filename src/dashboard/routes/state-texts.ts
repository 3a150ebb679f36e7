import type { getRoute } from '../../api/routes/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { type TextsByCode, texts } from '../frame/language.ts';

export const routeStateTexts = texts({
  active: { en: 'active', pt: 'ativa' },
  paused: { en: 'paused', pt: 'pausada' },
} satisfies TextsByCode<AnswerOf<typeof getRoute>['state']>);
