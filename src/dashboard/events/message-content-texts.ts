import { texts } from '../frame/language.ts';

export const messageContentTexts = texts({
  openImage: { en: 'Open the image', pt: 'Abrir imagem' },
  openDocument: { en: 'Open the document', pt: 'Abrir documento' },
  openAudio: { en: 'Open the recording', pt: 'Abrir áudio' },
  openVideo: { en: 'Open the video', pt: 'Abrir vídeo' },
  openSticker: { en: 'Open the sticker', pt: 'Abrir figurinha' },
  openFile: { en: 'Open the file', pt: 'Abrir arquivo' },
  noLink: { en: 'without a link that can be opened', pt: 'sem link que se possa abrir' },
  openMap: { en: 'Show on OpenStreetMap', pt: 'Ver no OpenStreetMap' },
  noCoordinates: { en: 'A place without coordinates', pt: 'Um local sem coordenadas' },
  contact: { en: 'Contact card', pt: 'Cartão de contato' },
  reaction: { en: 'Reaction', pt: 'Reação' },
  button: { en: 'Reply with a button', pt: 'Resposta com um botão' },
  list: { en: 'Reply from a list', pt: 'Resposta por uma lista' },
  reply: { en: 'Reply to an offer of the message', pt: 'Resposta a uma opção da mensagem' },
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
