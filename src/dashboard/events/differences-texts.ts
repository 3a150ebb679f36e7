import { texts } from '../frame/language.ts';

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
  event: { en: 'Event', pt: 'Evento' },
  rejection: {
    en: (id: string) => `Kept, and no event: ${id}`,
    pt: (id: string) => `Guardada, sem virar evento: ${id}`,
  },
});
