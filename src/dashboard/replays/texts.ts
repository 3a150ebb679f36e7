import type { getReplay } from '../../api/replays/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { type TextsByCode, texts } from '../frame/language.ts';

export const replayTexts = texts({
  one: { en: 'Replay', pt: 'Reenvio' },
  what: {
    en: 'Events that are sent to consumers again, many at a time. Begin one from the list of events, with its filters.',
    pt: 'Eventos enviados de novo aos consumidores, muitos de uma vez. Comece um pela lista de eventos, com os filtros dela.',
  },
  toEvents: { en: 'To the events', pt: 'Ir para os eventos' },
  list: { en: 'Replays, newest first', pt: 'Reenvios, do mais novo ao mais antigo' },
  none: { en: 'Nothing was replayed yet.', pt: 'Nada foi reenviado ainda.' },
  all: { en: 'all events', pt: 'todos os eventos' },
  progress: { en: 'Progress', pt: 'Progresso' },
  walked: {
    en: (share: string) => `${share} gone through`,
    pt: (share: string) => `${share} percorrido`,
  },
  counts: {
    en: (forwarded: string, putBack: string) => `${forwarded} of ${putBack} sent again`,
    pt: (forwarded: string, putBack: string) => `${forwarded} de ${putBack} reenviados`,
  },
  putBack: { en: 'Found so far', pt: 'Encontrados até agora' },
  forwarded: { en: 'Sent again', pt: 'Reenviados' },
  waiting: { en: 'Waiting to be sent', pt: 'Esperando envio' },
  createdAt: { en: 'Begun', pt: 'Começou' },
  updatedAt: { en: 'Last moved on', pt: 'Avançou pela última vez' },
  chosen: { en: 'Which events', pt: 'Quais eventos' },
  reload: { en: 'Bring up to date', pt: 'Atualizar' },
  pace: {
    en: 'New events never wait behind a replay: it goes on once a minute, with what the queue takes.',
    pt: 'Eventos novos nunca esperam atrás de um reenvio: ele avança uma vez por minuto, com o que a fila aguenta.',
  },
  cancel: { en: 'Cancel this replay', pt: 'Cancelar este reenvio' },
  doneCreated: { en: 'The replay has begun.', pt: 'O reenvio começou.' },
  doneCancelled: {
    en: 'The replay was cancelled. What was sent until then stays sent.',
    pt: 'O reenvio foi cancelado. O que já foi enviado continua enviado.',
  },
  isOver: { en: 'The replay was over already.', pt: 'O reenvio já tinha terminado.' },

  newTitle: { en: 'Send these events again?', pt: 'Reenviar estes eventos?' },
  newAll: { en: 'Every event that is stored.', pt: 'Todos os eventos gravados.' },
  newCount: {
    en: (count: string) => `Events that match now: ${count}.`,
    pt: (count: string) => `Eventos que correspondem agora: ${count}.`,
  },
  newCountAtLeast: {
    en: (count: string) => `Events that match now: at least ${count}; not all were counted.`,
    pt: (count: string) => `Eventos que correspondem agora: pelo menos ${count}; nem todos foram contados.`,
  },
  newNone: {
    en: 'No event matches: there is nothing to replay.',
    pt: 'Nenhum evento corresponde: não há o que reenviar.',
  },
  newConsumers: {
    en: 'Consumers get each with the same id and a number that rises with each replay (replay: 1, 2, …). Those that are built with the kit and handle each event once skip what they have had, unless they ask for replays.',
    pt: 'Os consumidores recebem cada um com o mesmo id e um número que sobe a cada reenvio (replay: 1, 2, …). Os feitos com o kit que tratam cada evento uma só vez ignoram o que já tiveram, a menos que peçam reenvios.',
  },
  newUnfit: {
    en: 'A replay cannot be chosen by this. Take it out of the filters of the list:',
    pt: 'Não dá para escolher um reenvio por isto. Tire dos filtros da lista:',
  },
  newGo: { en: 'Send them again', pt: 'Reenviar' },
});

export const replayStateTexts = texts({
  running: { en: 'under way', pt: 'em andamento' },
  done: { en: 'done', pt: 'concluído' },
  cancelled: { en: 'cancelled', pt: 'cancelado' },
} satisfies TextsByCode<AnswerOf<typeof getReplay>['state']>);
