import type { ContractProblemCode, ProblemParams } from '../../contract/problems.ts';
import { type Language, textOfCode, texts } from './language.ts';

/** One text for each code but `other`, of which there is only a message. */
type ProblemEntries = {
  [Code in Exclude<ContractProblemCode, 'other'>]:
    | Record<Language, string>
    | Record<Language, (params: ProblemParams[Code]) => string>;
};

/** Problems of webhooks, of parameters and of what operators type. */
export const problemTexts = texts({
  required: { en: 'is missing', pt: 'está faltando' },
  empty: { en: 'must not be empty', pt: 'não pode ficar vazio' },
  'empty-list': { en: 'must not be an empty list', pt: 'não pode ser uma lista vazia' },
  'too-long': {
    en: ({ max }) => `must have at most ${max} characters`,
    pt: ({ max }) => `deve ter no máximo ${max} caracteres`,
  },
  'too-many': {
    en: ({ max }) => `must have at most ${max} entries`,
    pt: ({ max }) => `deve ter no máximo ${max} entradas`,
  },
  'too-small': { en: ({ min }) => `must be at least ${min}`, pt: ({ min }) => `deve ser no mínimo ${min}` },
  'too-big': { en: ({ max }) => `must be at most ${max}`, pt: ({ max }) => `deve ser no máximo ${max}` },
  unfaithful: {
    en: 'must not contain control characters or lone surrogates',
    pt: 'não pode conter caracteres de controle nem surrogates isolados',
  },
  'wrong-type': {
    en: ({ expected, received }) =>
      `must be ${typeWords(expected, 'en')}, and is ${typeWords(received, 'en')}`,
    pt: ({ expected, received }) =>
      `deve ser ${typeWords(expected, 'pt')}, mas é ${typeWords(received, 'pt')}`,
  },
  'not-one-of': {
    en: ({ values }) => `must be ${values.length === 1 ? '' : 'one of '}${values.join(', ')}`,
    pt: ({ values }) => `deve ser ${values.length === 1 ? '' : 'um destes: '}${values.join(', ')}`,
  },
  'not-a-status': {
    en: ({ known }) => `must be a word such as ${known.join(', ')}`,
    pt: ({ known }) => `deve ser uma palavra como ${known.join(', ')}`,
  },
  'not-a-moment': {
    en: 'must be a date and time by ISO 8601, with Z or an offset',
    pt: 'deve ser data e hora no formato ISO 8601, com Z ou fuso',
  },
  'not-a-contact': {
    en: 'must be a phone number or an identity',
    pt: 'deve ser um telefone ou uma identidade',
  },
  'no-area-code': {
    en: 'must have its area code, or + and the country code of another country',
    pt: 'deve ter o DDD, ou + e o código de outro país',
  },
  unknown: { en: 'is not known here', pt: 'não é conhecido aqui' },
  'body-empty': { en: 'is empty', pt: 'está vazio' },
  'badly-encoded': {
    en: 'is not compressed as its Content-Encoding says',
    pt: 'não está comprimido como o Content-Encoding diz',
  },
  'not-utf8': { en: 'is not UTF-8', pt: 'não está em UTF-8' },
  'not-json': { en: 'cannot be read as JSON', pt: 'não pode ser lido como JSON' },
  'other-application': {
    en: 'is not the application that this integration is bound to',
    pt: 'não é a aplicação a que esta integração está vinculada',
  },
  'unknown-integration': { en: 'the integration does not exist', pt: 'a integração não existe' },
  disabled: { en: 'the integration is disabled', pt: 'a integração está desativada' },
  'old-token': { en: 'the token in its URL had been replaced', pt: 'o token da URL já tinha sido trocado' },
  address: {
    en: 'it came from an address that is not allowed',
    pt: 'veio de um endereço que não está entre os permitidos',
  },
  signature: {
    en: 'the signature is missing or does not hold',
    pt: 'a assinatura falta ou não confere',
  },
  differs: { en: 'differs from the event', pt: 'difere do evento' },
  'not-in-event': { en: 'is not in the event', pt: 'não está no evento' },
  'only-in-event': { en: 'is missing, and is in the event', pt: 'está faltando, e está no evento' },
  'no-data': { en: 'is missing, and so is dataref', pt: 'está faltando, e dataref também' },
  repeated: { en: 'must be given once', pt: 'deve ser informado uma única vez' },
  'not-a-cursor': { en: 'is no place in this list', pt: 'não é um ponto desta lista' },
  'not-a-tail-id': {
    en: 'is no event of an earlier stream',
    pt: 'não é um evento de uma transmissão anterior',
  },
  slug: {
    en: 'must be 3 to 64 lower-case letters, digits and hyphens',
    pt: 'deve ter de 3 a 64 letras minúsculas, dígitos e hifens',
  },
  'route-name': {
    en: 'must be lower-case letters and digits, in words joined by single underscores',
    pt: 'deve ter letras minúsculas e dígitos, em palavras unidas por um único sublinhado',
  },
  'one-line': { en: 'must be one line of text', pt: 'deve ser uma única linha de texto' },
  'not-an-address-range': {
    en: 'must be an address or a CIDR range of IPv4 or IPv6',
    pt: 'deve ser um endereço ou faixa CIDR de IPv4 ou IPv6',
  },
  'nothing-to-change': { en: 'says nothing to change', pt: 'não diz o que mudar' },
  'goes-with': {
    en: ({ parameter }) => `goes with ${parameter}=true only`,
    pt: ({ parameter }) => `só vale com ${parameter}=true`,
  },
  'needs-parameter': {
    en: ({ parameter }) => `must be given together with ${parameter}`,
    pt: ({ parameter }) => `deve ser informado junto com ${parameter}`,
  },
  'not-a-beginning': {
    en: 'must be now, oldest, or a date and time by ISO 8601, with Z or an offset',
    pt: 'deve ser now, oldest ou data e hora no formato ISO 8601, com Z ou fuso',
  },
  'all-or-filter': {
    en: 'must be true where there is no filter',
    pt: 'deve ser verdadeiro (true) quando não há filtro',
  },
  'all-with-filter': {
    en: 'cannot be given together with a filter',
    pt: 'não pode ser informado junto com um filtro',
  },
  'not-later-than': {
    en: ({ parameter }) => `must not be later than ${parameter}`,
    pt: ({ parameter }) => `não pode ser posterior a ${parameter}`,
  },
  'later-than': {
    en: ({ parameter }) => `must be later than ${parameter}`,
    pt: ({ parameter }) => `deve ser posterior a ${parameter}`,
  },
  'too-early': {
    en: ({ days }) => `must be within the last ${days} days`,
    pt: ({ days }) => `deve estar nos últimos ${days} dias`,
  },
  'step-too-fine': {
    en: ({ days }) => `must be an hour or more: minutes are kept for ${days} days`,
    pt: ({ days }) => `deve ser de uma hora ou mais: minutos são guardados por ${days} dias`,
  },
  'too-many-steps': {
    en: ({ max }) => `must be such that the period has at most ${max} steps`,
    pt: ({ max }) => `deve ser tal que o período tenha no máximo ${max} passos`,
  },
} satisfies ProblemEntries);

/** The types of JSON. */
export const typeTexts = texts({
  string: { en: 'a text', pt: 'um texto' },
  number: { en: 'a number', pt: 'um número' },
  int: { en: 'a whole number', pt: 'um número inteiro' },
  boolean: { en: 'true or false', pt: 'verdadeiro ou falso' },
  object: { en: 'an object', pt: 'um objeto' },
  array: { en: 'a list', pt: 'uma lista' },
  null: { en: 'null', pt: 'nulo' },
});

function typeWords(type: string, language: Language): string {
  return textOfCode(typeTexts(language), type) ?? type;
}
