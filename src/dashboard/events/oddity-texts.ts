import { texts } from '../frame/language.ts';

/** In what payloads differ from the documentation: one text for each code. */
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
