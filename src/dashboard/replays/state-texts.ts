import type { getReplay } from '../../api/replays/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { type TextsByCode, texts } from '../frame/language.ts';

export const replayStateTexts = texts({
  running: { en: 'under way', pt: 'em andamento' },
  paused: { en: 'paused', pt: 'pausado' },
  done: { en: 'done', pt: 'concluído' },
  cancelled: { en: 'cancelled', pt: 'cancelado' },
} satisfies TextsByCode<AnswerOf<typeof getReplay>['state']>);
