import { texts } from '../frame/language.ts';

export const overviewTexts = texts({
  allWell: {
    en: 'All is well: webhooks are stored and forwarded.',
    pt: 'Tudo em ordem: os webhooks são gravados e encaminhados.',
  },
  d1Silent: {
    en: 'The database does not answer. Webhooks are taken by the intake queue and stored later.',
    pt: 'O banco de dados não responde. Os webhooks ficam na fila de entrada e são gravados depois.',
  },
  d1Full: {
    en: (share: string) =>
      `The database has ${share} of its MAX_DATABASE_GB. Past that, events go early, of those integrations first that have most.`,
    pt: (share: string) =>
      `O banco de dados está com ${share} de MAX_DATABASE_GB. Acima disso, eventos saem antes do prazo, primeiro os das integrações que mais ocupam.`,
  },
  sweepNever: {
    en: 'The sweep of unforwarded events has never run. The cron runs it every minute.',
    pt: 'A varredura dos eventos não encaminhados nunca rodou. O cron a executa a cada minuto.',
  },
  sweepLate: {
    en: (ago: string) =>
      `The sweep of unforwarded events last ran ${ago} ago. The cron runs it every minute.`,
    pt: (ago: string) =>
      `A varredura dos eventos não encaminhados rodou pela última vez há ${ago}. O cron a executa a cada minuto.`,
  },
  cronNever: {
    en: 'The cron has never run. Requests do its work.',
    pt: 'O cron nunca rodou. As requisições fazem o trabalho dele.',
  },
  cronLate: {
    en: (ago: string) => `The cron last ran ${ago} ago. Requests do its work.`,
    pt: (ago: string) => `O cron rodou pela última vez há ${ago}. As requisições fazem o trabalho dele.`,
  },
  unstored: {
    en: (count: string) =>
      `Webhooks that were acknowledged could not be stored: ${count}. They are dead letters: redrive them.`,
    pt: (count: string) =>
      `Webhooks confirmados não puderam ser gravados: ${count}. São mensagens mortas: reenvie-as.`,
  },
  neverSent: {
    en: (count: string) =>
      `Events that a queue never takes: ${count}. They are dead letters, with the reason.`,
    pt: (count: string) => `Eventos que uma fila nunca aceita: ${count}. São mensagens mortas, com o motivo.`,
  },
  refusedUnusually: {
    en: (refused: string, webhooks: string) =>
      `More webhooks than usual were refused in the last 10 minutes: ${refused} of ${webhooks}.`,
    pt: (refused: string, webhooks: string) =>
      `Mais webhooks que o normal foram recusados nos últimos 10 minutos: ${refused} de ${webhooks}.`,
  },
  refusedOf: {
    en: (integration: string, refused: string, webhooks: string) =>
      `More webhooks of ${integration} than usual were refused in the last 10 minutes: ${refused} of ${webhooks}.`,
    pt: (integration: string, refused: string, webhooks: string) =>
      `Mais webhooks de ${integration} que o normal foram recusados nos últimos 10 minutos: ${refused} de ${webhooks}.`,
  },
  seeRefusals: { en: 'Why, and what to do', pt: 'Por que, e o que fazer' },
  silent: {
    en: (integration: string, time: string) =>
      `Nothing has come to ${integration} for ${time}: it was never silent for so long. Ask the platform, or disable it if it is not used any more.`,
    pt: (integration: string, time: string) =>
      `Nada chega a ${integration} há ${time}: nunca ficou tanto tempo em silêncio. Pergunte à plataforma, ou desative-a se não for mais usada.`,
  },
  rollUpNever: {
    en: 'The counting of events has never run. The cron runs it every minute.',
    pt: 'A contagem dos eventos nunca rodou. O cron a executa a cada minuto.',
  },
  rollUpLate: {
    en: (ago: string) => `Events were last counted ${ago} ago. The cron counts them every minute.`,
    pt: (ago: string) =>
      `Os eventos foram contados pela última vez há ${ago}. O cron os conta a cada minuto.`,
  },
  seeRoutes: { en: 'To the routes', pt: 'Ir para as rotas' },
  healthUnknown: {
    en: 'It is not known whether all is well: the health check failed.',
    pt: 'Não se sabe se está tudo em ordem: a verificação falhou.',
  },
  countsUnknown: {
    en: 'What was counted cannot be shown while the database does not answer.',
    pt: 'As contagens não podem ser mostradas enquanto o banco de dados não responde.',
  },
  received: { en: 'received', pt: 'recebidos' },
  receivedHint: {
    en: (responses: string) => `${responses} of them replies`,
    pt: (responses: string) => `${responses} deles respostas`,
  },
  unforwarded: { en: 'waiting to be forwarded', pt: 'esperando encaminhamento' },
  unforwardedHint: {
    en: (age: string) => `the oldest for ${age}`,
    pt: (age: string) => `o mais antigo há ${age}`,
  },
  unforwardedOn: {
    en: (age: string, route: string) => `the oldest for ${age}, on ${route}`,
    pt: (age: string, route: string) => `o mais antigo há ${age}, na rota ${route}`,
  },
  unforwardedNone: { en: 'now', pt: 'agora' },
  deferred: { en: 'deferred', pt: 'adiados' },
  deferredHint: { en: 'stored late, while D1 failed', pt: 'gravados depois, com o D1 em falha' },
  odd: {
    en: (count: string) => `Events that differ from the documentation: ${count}`,
    pt: (count: string) => `Eventos que diferem da documentação: ${count}`,
  },
  rejected: { en: 'rejected', pt: 'rejeitados' },
  rejectedHint: { en: 'authentic, but not as agreed', pt: 'autênticos, mas fora do contrato' },
  refused: { en: 'refused', pt: 'recusados' },
  refusedHint: { en: 'why, and what to do', pt: 'por que, e o que fazer' },
  deadLetters: { en: 'dead letters', pt: 'mensagens mortas' },
  deadLettersHint: { en: 'what did not reach its end', pt: 'o que não chegou ao fim' },
  chartTitle: { en: 'Received per minute', pt: 'Recebidos por minuto' },
  replies: { en: 'Replies', pt: 'Respostas' },
  statuses: { en: 'Statuses', pt: 'Status' },
  chartWords: {
    en: (average: string, most: string, when: string) =>
      `On average ${average} a minute; the most, ${most}, at ${when}.`,
    pt: (average: string, most: string, when: string) =>
      `Em média ${average} por minuto; o máximo, ${most}, às ${when}.`,
  },
  chartNothing: { en: 'Nothing was received in this period.', pt: 'Nada foi recebido neste período.' },
  asTable: { en: 'As a table', pt: 'Em tabela' },
  begin: { en: 'From', pt: 'Início' },
  funnelTitle: { en: 'From sent to replied', pt: 'De enviada a respondida' },
  sent: { en: 'Sent', pt: 'Enviadas' },
  delivered: { en: 'Delivered', pt: 'Entregues' },
  read: { en: 'Read', pt: 'Lidas' },
  replied: { en: 'Replied', pt: 'Respondidas' },
  ofBefore: {
    en: (share: string) => `${share} of the step before`,
    pt: (share: string) => `${share} da etapa anterior`,
  },
  moreThanBefore: { en: 'more than the step before', pt: 'mais que a etapa anterior' },
  lag: {
    en: (median: string, most: string) => `half within ${median}, 95% within ${most}`,
    pt: (median: string, most: string) => `metade em até ${median}, 95% em até ${most}`,
  },
  failedSteps: {
    en: (n: string) => `${n} could not be sent`,
    pt: (n: string) => `${n} não puderam ser enviadas`,
  },
  newest: { en: 'Newest events', pt: 'Eventos mais novos' },
  allEvents: { en: 'All events', pt: 'Todos os eventos' },
  noEvents: {
    en: 'No event has come yet. Register a webhook URL with the platform, or try it with the cURL of an integration.',
    pt: 'Nenhum evento chegou ainda. Registre uma URL de webhook na plataforma ou teste com o cURL de uma integração.',
  },
  counted: {
    en: (until: string) => `Counted until ${until}; new events are counted once a minute.`,
    pt: (until: string) => `Contado até ${until}; eventos novos são contados uma vez por minuto.`,
  },
});
