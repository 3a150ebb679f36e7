import { texts } from '../frame/language.ts';

export const findTexts = texts({
  title: { en: 'Nothing found', pt: 'Nada encontrado' },
  nothing: { en: 'There is nothing for', pt: 'Não há nada para' },
  can: { en: 'What can be found:', pt: 'O que pode ser buscado:' },
  number: {
    en: 'a phone number with its area code, in any written form: its conversation',
    pt: 'um telefone com DDD, em qualquer forma escrita: a conversa',
  },
  identity: {
    en: 'the identity of a customer whose number WhatsApp hides, as it stands: its conversation',
    pt: 'a identidade de um cliente cujo número o WhatsApp esconde, como está: a conversa',
  },
  noAreaCode: {
    en: 'If that is a phone number, its area code is missing: write it in front, or + and the country code of another country.',
    pt: 'Se for um telefone, falta o DDD: escreva-o na frente, ou + e o código de outro país.',
  },
  message: {
    en: 'the id of a message (message.messageId): its newest event',
    pt: 'o id de uma mensagem (message.messageId): o evento mais novo dela',
  },
  event: {
    en: 'the whole id of an event, as consumers get it',
    pt: 'o id inteiro de um evento, como os consumidores o recebem',
  },
  retention: {
    en: 'What is past its retention, or was erased, is not found any more.',
    pt: 'O que passou do prazo de retenção, ou foi apagado, não é mais encontrado.',
  },
  again: { en: 'Phone number, message id or event id', pt: 'Telefone, id da mensagem ou do evento' },
  filtered: { en: 'Filter the list of events', pt: 'Filtrar a lista de eventos' },
});
