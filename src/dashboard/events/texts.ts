import type { ContentKind } from '../../contract/message-content.ts';
import type { RoutedState } from '../../contract/routes.ts';
import type { Status } from '../../contract/webhook.ts';
import { type TextsByCode, texts } from '../frame/language.ts';

/** The list of events. */
export const eventListTexts = texts({
  filters: { en: 'Filters', pt: 'Filtros' },
  live: {
    en: 'New events come in on top by themselves.',
    pt: 'Eventos novos aparecem no topo sozinhos.',
  },
  notLive: {
    en: 'With these filters the list stays as it is.',
    pt: 'Com estes filtros a lista fica como está.',
  },
  deep: { en: 'Older events.', pt: 'Eventos mais antigos.' },
  fromTop: { en: 'To the newest', pt: 'Ir para os mais novos' },
  replayThese: { en: 'Send these again…', pt: 'Reenviar estes…' },
  replayAll: { en: 'Send all again…', pt: 'Reenviar todos…' },
  none: { en: 'No event has come yet.', pt: 'Nenhum evento chegou ainda.' },
});

/** An event in a list. */
export const eventRowTexts = texts({
  sentMedia: { en: (kind: string) => `sent ${kind}`, pt: (kind: string) => `enviou ${kind}` },
  changedReaction: { en: 'changed a reaction', pt: 'mudou uma reação' },
  sentNothing: { en: 'replied', pt: 'respondeu' },
  stepOther: {
    en: (step: string) => `has a message with the status “${step}”`,
    pt: (step: string) => `tem uma mensagem com o status “${step}”`,
  },
  noContact: { en: 'somebody', pt: 'alguém' },
  odd: { en: 'differs from the documentation', pt: 'difere da documentação' },
  notForwarded: { en: 'not forwarded yet', pt: 'ainda não encaminhado' },
  notForwardedTo: {
    en: (routes: string) => `not forwarded yet: ${routes}`,
    pt: (routes: string) => `ainda não encaminhado: ${routes}`,
  },
  deferred: { en: 'deferred', pt: 'adiado' },
  newEvent: { en: '1 new event', pt: '1 evento novo' },
  newEvents: { en: '{n} new events', pt: '{n} eventos novos' },
  list: { en: 'Events, newest first', pt: 'Eventos, do mais novo ao mais antigo' },
});

/** What the customer did, by the kind of the reply. Media have {@link mediaTexts}. */
export const repliedTexts = texts({
  text: { en: 'wrote', pt: 'escreveu' },
  location: { en: 'sent a location', pt: 'enviou uma localização' },
  contact: { en: 'sent a contact card', pt: 'enviou um cartão de contato' },
  reaction: { en: 'reacted', pt: 'reagiu' },
  button: { en: 'replied with a button', pt: 'respondeu com um botão' },
  list: { en: 'replied from a list', pt: 'respondeu por uma lista' },
} satisfies TextsByCode<Exclude<ContentKind, 'media' | 'sticker' | 'reply' | 'unknown'>>);

/** What happened to the customer, by the step of the message. */
export const happenedTexts = texts({
  sent: { en: 'was sent a message', pt: 'teve uma mensagem enviada' },
  delivered: { en: 'has received a message', pt: 'recebeu uma mensagem' },
  read: { en: 'has read a message', pt: 'leu uma mensagem' },
  failed: { en: 'could not be sent a message', pt: 'não pôde receber uma mensagem' },
} satisfies TextsByCode<Status>);

/** The page of an event. */
export const eventTexts = texts({
  conversation: { en: 'To the conversation', pt: 'Ver a conversa' },
  said: { en: 'What it says', pt: 'O que diz' },
  facts: { en: 'Facts', pt: 'Dados' },
  occurredAt: { en: 'Occurred', pt: 'Ocorreu' },
  receivedAt: { en: 'Received', pt: 'Recebido' },
  deliveries: { en: 'Delivered by the platform', pt: 'Entregas da plataforma' },
  times: {
    en: (count: number, written: string) => (count === 1 ? 'once' : `${written} times`),
    pt: (count: number, written: string) => (count === 1 ? '1 vez' : `${written} vezes`),
  },
  forwarding: { en: 'Forwarded', pt: 'Encaminhado' },
  route: { en: 'Forwarded on the route', pt: 'Encaminhado pela rota' },
  deferral: { en: 'Deferred', pt: 'Adiado' },
  deferred: {
    en: 'yes: it came by way of the intake queue',
    pt: 'sim: passou pela fila de entrada',
  },
  notDeferred: { en: 'no: stored at once', pt: 'não: gravado na hora' },
  appId: { en: 'Application', pt: 'Aplicação' },
  contextId: { en: 'Context', pt: 'Contexto' },
  eventId: { en: 'Id of the event', pt: 'Id do evento' },
  messageId: { en: 'Id of the message', pt: 'Id da mensagem' },
  course: { en: 'What became of the message', pt: 'O que aconteceu com a mensagem' },
  courseUnknown: {
    en: 'The course of its message cannot be shown just now.',
    pt: 'Não é possível mostrar o percurso da mensagem agora.',
  },
  replied: { en: 'Replied', pt: 'Respondida' },
  replies: { en: (count: string) => `${count} replies`, pt: (count: string) => `${count} respostas` },
  notYet: { en: 'not reported', pt: 'sem aviso' },
  implied: {
    en: 'not reported, but a later step implies it',
    pt: 'sem aviso, mas uma etapa posterior implica',
  },
  lag: {
    en: (time: string, step: string) => `${time} after “${step}”`,
    pt: (time: string, step: string) => `${time} depois de “${step}”`,
  },
  negativeLag: {
    en: (time: string, step: string) => `${time} before “${step}”, by the platform's clock`,
    pt: (time: string, step: string) => `${time} antes de “${step}”, pelo relógio da plataforma`,
  },
  outOfOrder: { en: 'out of order', pt: 'fora de ordem' },
  storedLate: { en: 'arrived after a later step', pt: 'chegou depois de uma etapa posterior' },
  occurredLate: {
    en: 'dated after a later step',
    pt: 'com data depois de uma etapa posterior',
  },
  events: { en: 'All its events', pt: 'Todos os eventos dela' },
  thisEvent: { en: 'this one', pt: 'este' },
  incomplete: {
    en: 'The message has more events than are shown here: the first of each step and the newest.',
    pt: 'A mensagem tem mais eventos do que os mostrados aqui: o primeiro de cada etapa e os mais novos.',
  },
  listed: { en: 'In the list of events', pt: 'Na lista de eventos' },
  payload: { en: 'Payload', pt: 'Payload' },
  payloadSize: {
    en: (size: string) => `${size}, as the platform sent it`,
    pt: (size: string) => `${size}, como a plataforma enviou`,
  },
  raw: { en: 'As it came', pt: 'Como chegou' },
  rawCut: {
    en: (shown: string) => `The first ${shown} are shown. The download has everything.`,
    pt: (shown: string) => `São mostrados os primeiros ${shown}. O download tem tudo.`,
  },
  unreadable: {
    en: 'It cannot be shown as a tree. Below it is as it came.',
    pt: 'Não é possível mostrar em árvore. Abaixo está como chegou.',
  },
});

/** What became of an event on its routes, and sending it again. */
export const eventRouteTexts = texts({
  title: { en: 'Forwarded', pt: 'Encaminhado' },
  state: { en: 'State', pt: 'Situação' },
  none: {
    en: 'There is no route that it could be forwarded on.',
    pt: 'Não há nenhuma rota por onde encaminhá-lo.',
  },
  toRoute: { en: 'To which route', pt: 'Para qual rota' },
  toAll: { en: 'to all routes that take it', pt: 'para todas as rotas que o recebem' },
  replay: { en: 'Send to consumers again', pt: 'Reenviar aos consumidores' },
  replayed: {
    en: 'Sent again: consumers get it in a moment, marked as a replay.',
    pt: 'Reenviado: os consumidores o recebem em instantes, marcado como reenvio.',
  },
  itsReplays: { en: 'How far it has come', pt: 'Andamento' },
});

/** What became of an event on a route. */
export const routedStateTexts = texts({
  forwarded: { en: 'yes, its queue has confirmed it', pt: 'sim, a fila dela confirmou' },
  waits: { en: 'not yet: it waits', pt: 'ainda não: está à espera' },
  'not-wanted': { en: 'not wanted there', pt: 'não vai para esta rota' },
} satisfies TextsByCode<RoutedState>);

/** The steps of a message, as titles. */
export const stepTexts = texts({
  sent: { en: 'Sent', pt: 'Enviada' },
  delivered: { en: 'Delivered', pt: 'Entregue' },
  read: { en: 'Read', pt: 'Lida' },
  failed: { en: 'Failed', pt: 'Falhou' },
} satisfies TextsByCode<Status>);

/** What else came under the ids of an event. */
export const differenceTexts = texts({
  title: { en: 'What differs', pt: 'O que difere' },
  repeats: {
    en: 'It came under the ids of an event that is stored, and says something else:',
    pt: 'Chegou com os ids de um evento já gravado, mas diz outra coisa:',
  },
  gone: {
    en: 'It came under the ids of an event that is not there any more:',
    pt: 'Chegou com os ids de um evento que não existe mais:',
  },
  whole: { en: 'The whole', pt: 'O todo' },
  inEvent: { en: 'In the event', pt: 'No evento' },
  here: { en: 'In this one', pt: 'Nesta' },
  nothing: { en: 'nothing', pt: 'nada' },
  versions: { en: 'Other versions', pt: 'Outras versões' },
  versionsAre: {
    en: 'The platform sent these with the same ids and another content: an edited message, or ids that were used again.',
    pt: 'A plataforma enviou estas com os mesmos ids e outro conteúdo: uma mensagem editada, ou ids usados de novo.',
  },
  rejection: {
    en: (id: string) => `Kept, and no event: ${id}`,
    pt: (id: string) => `Guardada, sem virar evento: ${id}`,
  },
});

export const messageContentTexts = texts({
  noLink: { en: 'without a link that can be opened', pt: 'sem link que se possa abrir' },
  openMap: { en: 'Show on OpenStreetMap', pt: 'Ver no OpenStreetMap' },
  noCoordinates: { en: 'A place without coordinates', pt: 'Um local sem coordenadas' },
  unknownKind: { en: 'A message of this kind:', pt: 'Uma mensagem deste tipo:' },
  failed: { en: 'Could not be sent', pt: 'Não pôde ser enviada' },
  failureCode: { en: (code: string) => `code ${code}`, pt: (code: string) => `código ${code}` },
  noReason: { en: 'the platform gives no reason', pt: 'a plataforma não diz o motivo' },
  omitted: {
    en: 'Too large to be shown here: the event has it.',
    pt: 'Grande demais para mostrar aqui: está no evento.',
  },
  nothing: { en: 'No text', pt: 'Sem texto' },
  rest: {
    en: (count: string) => `${count} more characters`,
    pt: (count: string) => `mais ${count} caracteres`,
  },
  restInEvent: {
    en: (count: string) => `${count} more characters: the event has them`,
    pt: (count: string) => `mais ${count} caracteres: estão no evento`,
  },
});

/** The labels of messages that would otherwise look like texts. */
export const labelTexts = texts({
  contact: { en: 'Contact card', pt: 'Cartão de contato' },
  reaction: { en: 'Reaction', pt: 'Reação' },
  button: { en: 'Reply with a button', pt: 'Resposta com um botão' },
  list: { en: 'Reply from a list', pt: 'Resposta por uma lista' },
  reply: { en: 'Reply to an offer of the message', pt: 'Resposta a uma opção da mensagem' },
} satisfies TextsByCode<Exclude<ContentKind, 'text' | 'media' | 'sticker' | 'location' | 'unknown'>>);

/** The media that messages hold. */
export type MediaKind = 'image' | 'document' | 'audio' | 'video' | 'sticker' | 'file';

export const mediaTexts = texts({
  image: { en: 'an image', pt: 'uma imagem' },
  document: { en: 'a document', pt: 'um documento' },
  audio: { en: 'an audio recording', pt: 'um áudio' },
  video: { en: 'a video', pt: 'um vídeo' },
  sticker: { en: 'a sticker', pt: 'uma figurinha' },
  file: { en: 'a file', pt: 'um arquivo' },
} satisfies TextsByCode<MediaKind>);

/** Links that open a medium. */
export const openMediaTexts = texts({
  image: { en: 'Open the image', pt: 'Abrir imagem' },
  document: { en: 'Open the document', pt: 'Abrir documento' },
  audio: { en: 'Open the recording', pt: 'Abrir áudio' },
  video: { en: 'Open the video', pt: 'Abrir vídeo' },
  sticker: { en: 'Open the sticker', pt: 'Abrir figurinha' },
  file: { en: 'Open the file', pt: 'Abrir arquivo' },
} satisfies TextsByCode<MediaKind>);

/** How payloads differ from the documentation: one text for each code. */
export const oddityTexts = texts({
  title: { en: 'Differs from the documentation', pt: 'Difere da documentação' },
  meaning: {
    en: 'The payload is kept and forwarded exactly as it came. These fields count as absent:',
    pt: 'O payload é guardado e encaminhado exatamente como chegou. Estes campos contam como ausentes:',
  },
  missing: { en: 'is missing', pt: 'está faltando' },
  empty: { en: 'is empty', pt: 'está vazio' },
  'wrong-type': { en: 'holds something else than documented', pt: 'contém algo diferente do documentado' },
  'too-long': { en: 'is too long', pt: 'é longo demais' },
  unfaithful: {
    en: 'has control characters or halves of characters',
    pt: 'tem caracteres de controle ou metades de caracteres',
  },
  'not-a-time': { en: 'is no date and time', pt: 'não é data e hora' },
  'no-zone': { en: 'is a time without a zone', pt: 'é um horário sem fuso' },
  'impossible-time': { en: 'is a time that cannot be', pt: 'é um horário impossível' },
  'not-a-contact': { en: 'names nobody', pt: 'não identifica ninguém' },
  'unknown-status': {
    en: 'is a word that is not known: the status of the message does not change',
    pt: 'é uma palavra desconhecida: o status da mensagem não muda',
  },
});
