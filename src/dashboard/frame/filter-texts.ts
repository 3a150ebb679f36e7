import { texts } from './language.ts';

export const filterTexts = texts({
  messageId: { en: 'Message id', pt: 'Id da mensagem' },
  blotted: {
    en: 'one contact (no longer kept)',
    pt: 'um contato (não é mais guardado)',
  },
});
