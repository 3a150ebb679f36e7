import { texts } from '../frame/language.ts';

export const contactsTexts = texts({
  searchHint: {
    en: 'The number as you have it: with or without country code, area code in brackets or not, with or without the ninth digit. Numbers of other countries begin with +. A customer whose number WhatsApp hides has an identity in its place: write that as it stands.',
    pt: 'O número como você o tem: com ou sem código do país, DDD entre parênteses ou não, com ou sem o nono dígito. Números de outros países começam com +. Um cliente cujo número o WhatsApp esconde tem uma identidade no lugar dele: escreva-a como está.',
  },
  number: { en: 'Phone number', pt: 'Telefone' },
  numberHint: { en: '(41) 98895-6674', pt: '(41) 98895-6674' },
  open: { en: 'Open the conversation', pt: 'Abrir a conversa' },
  list: { en: 'Conversations, the newest first', pt: 'Conversas, as mais novas primeiro' },
  none: { en: 'Nobody has written yet.', pt: 'Ninguém escreveu ainda.' },
  noAreaCode: {
    en: 'The area code is missing: write it in front, or + and the country code of another country.',
    pt: 'Falta o DDD: escreva-o na frente, ou + e o código de outro país.',
  },
  notANumber: {
    en: 'That is no phone number, and no identity of anybody who is known here. Write a number with its area code, or with + and the country code.',
    pt: 'Isso não é um telefone, nem a identidade de alguém conhecido aqui. Escreva um número com DDD, ou com + e o código do país.',
  },
  nothingKnown: {
    en: 'Nothing is known of this contact: no message from it or to it is stored. Messages past their retention are gone.',
    pt: 'Nada se sabe deste contato: não há mensagem dele nem para ele. Mensagens fora do prazo de retenção já saíram.',
  },
  nothingHere: { en: 'No more messages.', pt: 'Não há mais mensagens.' },
  messages: {
    en: 'Messages, the newest at the end',
    pt: 'Mensagens, as mais novas no fim',
  },
  older: { en: 'Older messages', pt: 'Mensagens mais antigas' },
  newest: { en: 'To the newest messages', pt: 'Ir para as mensagens mais novas' },
  window: { en: '24-hour window', pt: 'Janela de 24 horas' },
  windowNever: {
    en: 'The customer has not written: only templates may be sent.',
    pt: 'O cliente não escreveu: só é possível enviar modelos.',
  },
  windowOpen: {
    en: 'open: messages may be written freely, still for',
    pt: 'aberta: mensagens livres ainda por',
  },
  windowUntil: { en: 'until', pt: 'até' },
  windowClosed: {
    en: 'closed: only templates may be sent',
    pt: 'fechada: só é possível enviar modelos',
  },
  windowSince: { en: 'since', pt: 'desde' },
  events: { en: 'Its events', pt: 'Eventos do número' },
  in: { en: 'From the customer:', pt: 'Do cliente:' },
  out: { en: 'To the customer:', pt: 'Para o cliente:' },
  eventAt: {
    en: (time: string) => `${time}, to the event`,
    pt: (time: string) => `${time}, ver o evento`,
  },
  exportData: { en: 'Export…', pt: 'Exportar…' },
  eraseData: { en: 'Erase…', pt: 'Apagar…' },
});
