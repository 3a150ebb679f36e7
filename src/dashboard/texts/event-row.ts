import { texts } from '../language.ts';

export const eventRowTexts = texts({
  wrote: { en: 'wrote', pt: 'escreveu' },
  sentMedia: { en: (kind: string) => `sent ${kind}`, pt: (kind: string) => `enviou ${kind}` },
  sentLocation: { en: 'sent a location', pt: 'enviou uma localização' },
  sentNothing: { en: 'replied', pt: 'respondeu' },
  image: { en: 'an image', pt: 'uma imagem' },
  document: { en: 'a document', pt: 'um documento' },
  audio: { en: 'an audio recording', pt: 'um áudio' },
  video: { en: 'a video', pt: 'um vídeo' },
  file: { en: 'a file', pt: 'um arquivo' },
  stepSent: { en: 'was sent a message', pt: 'teve uma mensagem enviada' },
  stepDelivered: { en: 'has received a message', pt: 'recebeu uma mensagem' },
  stepRead: { en: 'has read a message', pt: 'leu uma mensagem' },
  stepFailed: { en: 'could not be sent a message', pt: 'não pôde receber uma mensagem' },
  stepOther: {
    en: (step: string) => `has a message with the status “${step}”`,
    pt: (step: string) => `tem uma mensagem com o status “${step}”`,
  },
  noContact: { en: 'somebody', pt: 'alguém' },
  odd: { en: 'differs from the documentation', pt: 'difere da documentação' },
  notForwarded: { en: 'not forwarded yet', pt: 'ainda não encaminhado' },
  deferred: { en: 'deferred', pt: 'adiado' },
  repeated: {
    en: (times: string) => `delivered ${times} times`,
    pt: (times: string) => `entregue ${times} vezes`,
  },
  replayed: { en: (times: string) => `sent again ${times}×`, pt: (times: string) => `reenviado ${times}×` },
  newEvent: { en: '1 new event', pt: '1 evento novo' },
  newEvents: { en: '{n} new events', pt: '{n} eventos novos' },
  live: { en: 'Live', pt: 'Ao vivo' },
  list: { en: 'Events, newest first', pt: 'Eventos, do mais novo ao mais antigo' },
});
