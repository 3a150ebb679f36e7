import { texts } from '../frame/language.ts';

export const replayTexts = texts({
  one: { en: 'Replay', pt: 'Reenvio' },
  what: {
    en: 'Events that are sent to consumers again, many at a time, each replay to one route.',
    pt: 'Eventos enviados de novo aos consumidores, muitos de uma vez, cada reenvio por uma rota.',
  },
  new: { en: 'New replay', pt: 'Novo reenvio' },
  begun: {
    en: (count: string) => `Replays that have begun, one for each route: ${count}.`,
    pt: (count: string) => `Reenvios que começaram, um para cada rota: ${count}.`,
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
  sentTo: {
    en: (route: string, count: string) => `${count} sent to ${route}`,
    pt: (route: string, count: string) => `${count} enviados para ${route}`,
  },
  sent: { en: 'Sent again', pt: 'Reenviados' },
  createdAt: { en: 'Begun', pt: 'Começou' },
  updatedAt: { en: 'Last moved on', pt: 'Avançou pela última vez' },
  chosen: { en: 'Which events', pt: 'Quais eventos' },
  reload: { en: 'Bring up to date', pt: 'Atualizar' },
  pace: {
    en: 'New events never wait behind a replay: it goes on once a minute, with what the queue takes.',
    pt: 'Eventos novos nunca esperam atrás de um reenvio: ele avança uma vez por minuto, com o que a fila aguenta.',
  },
  pausedHint: {
    en: 'It sends nothing until it is resumed, and goes on where it stopped.',
    pt: 'Nada é enviado até ele ser retomado; depois continua de onde parou.',
  },
  pause: { en: 'Pause', pt: 'Pausar' },
  resume: { en: 'Resume', pt: 'Retomar' },
  cancel: { en: 'Cancel this replay', pt: 'Cancelar este reenvio' },

  newTitle: { en: 'Send these events again?', pt: 'Reenviar estes eventos?' },
  which: { en: 'Which events, to which route', pt: 'Quais eventos, para qual rota' },
  allRoutes: { en: 'all routes', pt: 'todas as rotas' },
  count: { en: 'Count them', pt: 'Contar' },
  newQuestion: { en: 'What is sent', pt: 'O que será enviado' },
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
    en: 'Consumers get each with the same id, and with the id of the replay as replay. Those that are built with the kit and handle each event once skip what they have had, unless they ask for replays.',
    pt: 'Os consumidores recebem cada um com o mesmo id, e com o id do reenvio em replay. Os feitos com o kit que tratam cada evento uma só vez ignoram o que já tiveram, a menos que peçam reenvios.',
  },
  newEachRoute: {
    en: 'Each route gets those of them that its own filter lets through.',
    pt: 'Cada rota recebe os que o filtro dela deixa passar.',
  },
  noRoutes: {
    en: 'There is no route that events could be sent to.',
    pt: 'Não há nenhuma rota por onde enviar eventos.',
  },
  newUnfit: {
    en: 'A replay cannot be chosen by this:',
    pt: 'Não dá para escolher um reenvio por isto:',
  },
  newGo: { en: 'Send them again', pt: 'Reenviar' },
});

/** What was just done, or why it was not. */
export const replayDoneTexts = texts({
  created: { en: 'The replay has begun.', pt: 'O reenvio começou.' },
  cancelled: {
    en: 'The replay was cancelled. What was sent until then stays sent.',
    pt: 'O reenvio foi cancelado. O que já foi enviado continua enviado.',
  },
  paused: { en: 'The replay is paused.', pt: 'O reenvio está pausado.' },
  resumed: { en: 'The replay goes on within a minute.', pt: 'O reenvio continua em até um minuto.' },
  over: { en: 'The replay was over already.', pt: 'O reenvio já tinha terminado.' },
  already: {
    en: 'It was so already: somebody else did it.',
    pt: 'Já estava assim: outra pessoa fez isso.',
  },
});
