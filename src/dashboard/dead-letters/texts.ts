import type { DeadLetterKind, NeverSentReason } from '../../contract/dead-letters.ts';
import { type TextsByCode, texts } from '../frame/language.ts';

export const deadLetterTexts = texts({
  one: { en: 'Dead letter', pt: 'Mensagem morta' },
  kind: { en: 'Kind', pt: 'Tipo de caso' },
  webhook: { en: 'incoming webhook', pt: 'webhook de entrada' },
  reason: { en: 'Why', pt: 'Motivo' },
  list: { en: 'Dead letters, newest first', pt: 'Mensagens mortas, da mais nova à mais antiga' },
  none: {
    en: 'There is none: all was stored and sent, and consumers handled all that they were given.',
    pt: 'Não há nenhuma: tudo foi gravado e enviado, e os consumidores trataram tudo o que receberam.',
  },
  noEvent: { en: 'not an event of this receiver', pt: 'não é um evento deste receptor' },
  noEventHint: {
    en: 'The message is not an event of this receiver: it cannot be redriven, only discarded.',
    pt: 'A mensagem não é um evento deste receptor: não dá para reenviar, só descartar.',
  },
  messageId: { en: "The queue's message id", pt: 'Id da mensagem na fila' },
  attempts: { en: 'Deliveries of the dead-letter queue', pt: 'Entregas da fila de mensagens mortas' },
  sentAt: { en: 'Sent to the queue', pt: 'Enviada à fila' },
  keptAt: { en: 'Given up on', pt: 'Abandonada' },
  message: { en: 'The message', pt: 'A mensagem' },
  redrive: { en: 'Redrive', pt: 'Reenviar' },
  redriveAll: { en: 'Redrive all', pt: 'Reenviar todas' },
  redriveMatching: { en: 'Redrive all that match', pt: 'Reenviar todas as filtradas' },
  redriveTitle: { en: 'Redriving', pt: 'Reenviando' },
  redriven: {
    en: 'It went back into the queue of its route. Its event:',
    pt: 'Voltou à fila da rota. O evento:',
  },
  redrivenWebhook: {
    en: 'The webhook went back into the intake queue. It becomes an event in a moment.',
    pt: 'O webhook voltou à fila de entrada. Ele vira um evento em instantes.',
  },
  redrivenMany: {
    en: (redriven: string, skipped: string) =>
      `Redriven: ${redriven}. Left here, being nothing of this receiver or of a route without a queue: ${skipped}.`,
    pt: (redriven: string, skipped: string) =>
      `Reenviadas: ${redriven}. Ficaram aqui, por não serem deste receptor ou serem de uma rota sem fila: ${skipped}.`,
  },
  unbound: {
    en: 'Its route has no queue: this deployment has no binding for it. It stays here until there is one.',
    pt: 'A rota dela não tem fila: esta implantação não tem binding para ela. Ela fica aqui até que haja uma.',
  },
  ofRoute: { en: (route: string) => `route ${route}`, pt: (route: string) => `rota ${route}` },
  discard: { en: 'Discard', pt: 'Descartar' },
  discardAll: { en: 'Discard all', pt: 'Descartar todas' },
  discardMatching: { en: 'Discard all that match', pt: 'Descartar todas as filtradas' },
  discardTitle: { en: 'Discarding', pt: 'Descartando' },
  discardOneQuestion: { en: 'Discard this dead letter?', pt: 'Descartar esta mensagem morta?' },
  discardManyQuestion: { en: 'Discard dead letters?', pt: 'Descartar mensagens mortas?' },
  discardWebhookWarning: {
    en: 'It was acknowledged and is stored nowhere else: discarded, it is lost.',
    pt: 'Ele foi confirmado e não está gravado em nenhum outro lugar: descartado, está perdido.',
  },
  discardWarning: {
    en: 'It can no longer be redriven then. Its event stays where it is, and can be replayed until its retention ends.',
    pt: 'Depois não dá mais para reenviá-la. O evento continua onde está e pode ser reenviado até o fim da retenção.',
  },
  discardManyWarning: {
    en: 'They can no longer be redriven then. Events stay where they are, and can be replayed until their retention ends; webhooks that were not stored are lost.',
    pt: 'Depois não dá mais para reenviá-las. Os eventos continuam onde estão e podem ser reenviados até o fim da retenção; webhooks que não foram gravados estarão perdidos.',
  },
  discardCount: {
    en: (count: string) => `${count} match now.`,
    pt: (count: string) => `${count} correspondem agora.`,
  },
  discardAtLeast: {
    en: (count: string) => `At least ${count} match now.`,
    pt: (count: string) => `Pelo menos ${count} correspondem agora.`,
  },
  discardOf: { en: 'All of these are discarded:', pt: 'Todas estas serão descartadas:' },
  discardOfAll: { en: 'Every dead letter there is.', pt: 'Todas as mensagens mortas que existem.' },
  discardSure: {
    en: 'Yes, discard them for good',
    pt: 'Sim, descartar de vez',
  },
  discardUnsure: {
    en: 'Tick the box if they are to be discarded.',
    pt: 'Marque a caixa se é para descartar.',
  },
  discarded: { en: 'The dead letter was discarded.', pt: 'A mensagem morta foi descartada.' },
  discardedMany: {
    en: (discarded: string) => `Discarded: ${discarded}.`,
    pt: (discarded: string) => `Descartadas: ${discarded}.`,
  },
});

/** What befell a dead letter. */
export const deadLetterKindTexts = texts({
  'given-up': { en: 'a consumer failed', pt: 'um consumidor falhou' },
  intake: { en: 'a webhook that was not stored', pt: 'um webhook que não foi gravado' },
  'never-sent': { en: 'the queue never took it', pt: 'a fila nunca aceitou' },
} satisfies TextsByCode<DeadLetterKind>);

/** What that means, and what to do about it. */
export const deadLetterAdviceTexts = texts({
  'given-up': {
    en: 'Messages that a consumer failed on until its retries ran out. Mend the consumer first, then redrive them: they go back into the queue of their route as they were.',
    pt: 'Mensagens em que um consumidor falhou até acabarem as tentativas. Corrija o consumidor primeiro e depois reenvie: elas voltam à fila da rota como estavam.',
  },
  intake: {
    en: 'A webhook that was acknowledged and could not be stored: it waited in the intake queue until its retries ran out. Redrive it once the database works: it goes back into the intake queue, and becomes an event.',
    pt: 'Um webhook que foi confirmado e não pôde ser gravado: esperou na fila de entrada até acabarem as tentativas. Reenvie quando o banco de dados funcionar: ele volta à fila de entrada e vira um evento.',
  },
  'never-sent': {
    en: 'An event that the queue of a route refused each time, while it took others, or of which no message can be made. It is stored, but the consumer of the route did not get it.',
    pt: 'Um evento que a fila de uma rota recusou todas as vezes, enquanto aceitava outros, ou do qual não dá para fazer uma mensagem. Ele está gravado, mas o consumidor da rota não o recebeu.',
  },
} satisfies TextsByCode<DeadLetterKind>);

/** Why an event was never sent. */
export const neverSentReasonTexts = texts({
  'no-message': { en: 'No message can be made of it.', pt: 'Não dá para fazer uma mensagem dele.' },
  refused: {
    en: 'The queue refused it again and again, and took others.',
    pt: 'A fila o recusou repetidas vezes e aceitou outros.',
  },
} satisfies TextsByCode<NeverSentReason>);
