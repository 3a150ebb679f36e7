import { texts } from './language.ts';

export const runTexts = texts({
  unfinished: {
    en: 'That is not all yet: one request does only so many.',
    pt: 'Ainda não terminou: cada requisição faz só uma parte.',
  },
  interrupted: {
    en: 'What was done until then is done.',
    pt: 'O que foi feito até aqui está feito.',
  },
  goOn: { en: 'Go on', pt: 'Continuar' },
});
