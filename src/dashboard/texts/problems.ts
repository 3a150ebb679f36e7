import { texts } from '../language.ts';

/** What is wrong with a webhook, or with what an operator wrote; see problem-words.ts for the API's own words. */
export const problemTexts = texts({
  required: { en: 'is missing', pt: 'está faltando' },
  empty: { en: 'must not be empty', pt: 'não pode ficar vazio' },
  tooLong: {
    en: (most: string) => `must have at most ${most} characters`,
    pt: (most: string) => `deve ter no máximo ${most} caracteres`,
  },
  unfaithful: {
    en: 'must not contain control characters or lone surrogates',
    pt: 'não pode conter caracteres de controle nem surrogates isolados',
  },
  phoneWithCountry: {
    en: 'must be a phone number with its country code',
    pt: 'deve ser um telefone com o código do país',
  },
  phone: { en: 'must be a phone number or an identity', pt: 'deve ser um telefone ou uma identidade' },
  areaCode: {
    en: 'must have its area code, or + and the country code of another country',
    pt: 'deve ter o DDD, ou + e o código de outro país',
  },
  moment: {
    en: 'must be a date and time by ISO 8601, with Z or an offset',
    pt: 'deve ser data e hora no formato ISO 8601, com Z ou fuso',
  },
  numberOrText: { en: 'must be a number or a text', pt: 'deve ser um número ou um texto' },
  oneOf: {
    en: (words: string) => `must be one of ${words}`,
    pt: (words: string) => `deve ser um destes: ${words}`,
  },
  statusWord: {
    en: (words: string) => `must be a word such as ${words}`,
    pt: (words: string) => `deve ser uma palavra como ${words}`,
  },
  wrongType: {
    en: (expected: string, received: string) =>
      `must be ${typeWords(expected, 'en')}, and is ${typeWords(received, 'en')}`,
    pt: (expected: string, received: string) =>
      `deve ser ${typeWords(expected, 'pt')}, mas é ${typeWords(received, 'pt')}`,
  },
  bodyEmpty: { en: 'is empty', pt: 'está vazio' },
  badlyEncoded: {
    en: 'is not compressed as its Content-Encoding says',
    pt: 'não está comprimido como o Content-Encoding diz',
  },
  notUtf8: { en: 'is not UTF-8', pt: 'não está em UTF-8' },
  notJson: { en: 'cannot be read as JSON', pt: 'não pode ser lido como JSON' },
  otherApplication: {
    en: 'is not the application that this integration is bound to',
    pt: 'não é a aplicação a que esta integração está vinculada',
  },
  noIntegration: { en: 'the integration does not exist', pt: 'a integração não existe' },
  disabled: { en: 'the integration is disabled', pt: 'a integração está desativada' },
  rotatedAway: {
    en: 'the token in its URL had been replaced',
    pt: 'o token da URL já tinha sido trocado',
  },
  address: {
    en: 'it came from an address that is not allowed',
    pt: 'veio de um endereço que não está entre os permitidos',
  },
  signature: {
    en: 'the signature is missing or does not hold',
    pt: 'a assinatura falta ou não confere',
  },
  differs: { en: 'differs from the event', pt: 'difere do evento' },
  notInEvent: { en: 'is not in the event', pt: 'não está no evento' },
  onlyInEvent: { en: 'is missing, and is in the event', pt: 'está faltando, e está no evento' },
  slug: {
    en: 'must be 3 to 64 lower-case letters, digits and hyphens',
    pt: 'deve ter de 3 a 64 letras minúsculas, dígitos e hifens',
  },
  oneLine: { en: 'must be one line of text', pt: 'deve ser uma única linha de texto' },
  range: {
    en: 'must be an address or a CIDR range of IPv4 or IPv6',
    pt: 'deve ser um endereço ou faixa CIDR de IPv4 ou IPv6',
  },
  emptyList: {
    en: 'must not be an empty list',
    pt: 'não pode ser uma lista vazia',
  },
  tooMany: {
    en: (most: string) => `must have at most ${most} entries`,
    pt: (most: string) => `deve ter no máximo ${most} entradas`,
  },
  hours: {
    en: (most: string) => `must be a number of hours from 0 to ${most}`,
    pt: (most: string) => `deve ser um número de horas de 0 a ${most}`,
  },
  unknownField: { en: 'is not known here', pt: 'não é conhecido aqui' },
  trueOrFalse: { en: 'must be true or false', pt: 'deve ser verdadeiro (true) ou falso (false)' },
  place: { en: 'is no place in this list', pt: 'não é um ponto desta lista' },
});

const TYPES = {
  string: { en: 'a text', pt: 'um texto' },
  number: { en: 'a number', pt: 'um número' },
  boolean: { en: 'true or false', pt: 'verdadeiro ou falso' },
  object: { en: 'an object', pt: 'um objeto' },
  array: { en: 'a list', pt: 'uma lista' },
  null: { en: 'null', pt: 'nulo' },
} as const;

/** A type of JSON as it is called in a language. */
function typeWords(type: string, language: 'en' | 'pt'): string {
  return Object.hasOwn(TYPES, type) ? TYPES[type as keyof typeof TYPES][language] : type;
}
