import type { EventType, Status } from '../../contract/webhook.ts';
import { type TextsByCode, texts } from './language.ts';

export const commonTexts = texts({
  product: { en: 'Instant Message receiver', pt: 'Receptor Instant Message' },
  skip: { en: 'Skip to the content', pt: 'Ir para o conteúdo' },
  menu: { en: 'Sections', pt: 'Seções' },
  overview: { en: 'Overview', pt: 'Visão geral' },
  events: { en: 'Events', pt: 'Eventos' },
  conversations: { en: 'Conversations', pt: 'Conversas' },
  integrations: { en: 'Integrations', pt: 'Integrações' },
  routes: { en: 'Routes', pt: 'Rotas' },
  rejections: { en: 'Rejections', pt: 'Rejeições' },
  deadLetters: { en: 'Dead letters', pt: 'Mensagens mortas' },
  replays: { en: 'Replays', pt: 'Reenvios' },
  audit: { en: 'Audit trail', pt: 'Auditoria' },
  apiReference: { en: 'API reference', pt: 'Referência da API' },
  find: { en: 'Find', pt: 'Buscar' },
  findLabel: { en: 'Phone number or message id', pt: 'Telefone ou id da mensagem' },
  findHint: { en: '(41) 98895-6674 or message id', pt: '(41) 98895-6674 ou id da mensagem' },
  switchLanguage: { en: 'Português', pt: 'English' },
  signedInAs: { en: (name: string) => `Signed in as ${name}`, pt: (name: string) => `Acesso como ${name}` },
  signOut: { en: 'Sign out', pt: 'Sair' },
  adminToken: { en: 'administrator', pt: 'administrador' },
  readToken: { en: 'reader', pt: 'leitor' },
  more: { en: 'Show more', pt: 'Mostrar mais' },
  goOn: {
    en: 'Nothing here yet: go on searching further back',
    pt: 'Nada até aqui: continuar a busca mais para trás',
  },
  nothingFound: { en: 'Nothing matches.', pt: 'Nada corresponde.' },
  filter: { en: 'Filter', pt: 'Filtrar' },
  clearFilter: { en: 'Clear', pt: 'Limpar' },
  any: { en: 'any', pt: 'todos' },
  cancel: { en: 'Cancel', pt: 'Cancelar' },
  copy: { en: 'Copy', pt: 'Copiar' },
  copied: { en: 'Copied', pt: 'Copiado' },
  yes: { en: 'yes', pt: 'sim' },
  no: { en: 'no', pt: 'não' },
  unknown: { en: 'not known', pt: 'desconhecido' },
  event: { en: 'Event', pt: 'Evento' },
  conversation: { en: 'Conversation', pt: 'Conversa' },
  size: { en: 'Size', pt: 'Tamanho' },
  download: { en: 'Download', pt: 'Baixar' },
  delete: { en: 'Delete', pt: 'Excluir' },
  by: { en: 'By', pt: 'Por' },
  deliveredTimes: {
    en: (times: string) => `delivered ${times} times`,
    pt: (times: string) => `entregue ${times} vezes`,
  },
  period: { en: 'Period', pt: 'Período' },
  hour: { en: '1 hour', pt: '1 hora' },
  day: { en: '24 hours', pt: '24 horas' },
  week: { en: '7 days', pt: '7 dias' },
  blottedContact: { en: 'one contact (no longer kept)', pt: 'um contato (não é mais guardado)' },
  notFoundTitle: { en: 'Not found', pt: 'Não encontrado' },
  failedTitle: { en: 'That did not work', pt: 'Não deu certo' },
});

/** Why a page cannot be shown, by the type of the problem or else by its status. */
export const errorTexts = texts({
  'cross-site': {
    en: 'The page that sent this is not of this receiver. Nothing was changed.',
    pt: 'A página que enviou isto não é deste receptor. Nada foi alterado.',
  },
  'access-unavailable': {
    en: 'The keys of Cloudflare Access could not be fetched, so your identity there cannot be verified just now.',
    pt: 'Não foi possível obter as chaves do Cloudflare Access; por isso a sua identidade não pode ser verificada agora.',
  },
  'database-unavailable': {
    en: 'The database does not answer. Webhooks are taken all the same and stored later. Try again in a moment.',
    pt: 'O banco de dados não responde. Os webhooks são recebidos mesmo assim e gravados depois. Tente de novo em instantes.',
  },
  400: {
    en: 'The address of this page asks for something that is not valid:',
    pt: 'O endereço desta página pede algo inválido:',
  },
  403: {
    en: 'You may look at everything and change nothing: changes need the admin token.',
    pt: 'Você pode ver tudo e não alterar nada: alterações exigem o token de administrador.',
  },
  404: {
    en: 'There is nothing at this address: it was deleted, or is past its retention.',
    pt: 'Não há nada neste endereço: foi excluído ou passou do prazo de retenção.',
  },
  409: {
    en: 'That is not possible as things stand. Look at the page again.',
    pt: 'Isso não é possível no estado atual. Veja a página de novo.',
  },
  413: { en: 'That is too large.', pt: 'É grande demais.' },
  500: {
    en: 'Something went wrong. The log has more under this request id:',
    pt: 'Algo deu errado. O log tem mais detalhes sob este id de requisição:',
  },
  503: {
    en: 'Something that this needs does not answer. Try again in a moment.',
    pt: 'Algo de que isto depende não responde. Tente de novo em instantes.',
  },
});

/** The names of filters. */
export const filterTexts = texts({
  integration: { en: 'Integration', pt: 'Integração' },
  type: { en: 'Type', pt: 'Tipo' },
  status: { en: 'Status', pt: 'Status' },
  contact: { en: 'Contact', pt: 'Contato' },
  messageId: { en: 'Message id', pt: 'Id da mensagem' },
  route: { en: 'Route', pt: 'Rota' },
  since: { en: 'From', pt: 'De' },
  until: { en: 'Until', pt: 'Até' },
});

export const eventTypeTexts = texts({
  response: { en: 'reply', pt: 'resposta' },
  status: { en: 'status', pt: 'status' },
} satisfies TextsByCode<EventType>);

/** The steps of an outgoing message. */
export const statusTexts = texts({
  sent: { en: 'sent', pt: 'enviada' },
  delivered: { en: 'delivered', pt: 'entregue' },
  read: { en: 'read', pt: 'lida' },
  failed: { en: 'failed', pt: 'falhou' },
} satisfies TextsByCode<Status>);

/** Changes of many things, see bulk-actions.tsx. */
export const bulkActionTexts = texts({
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

/** JSON and other texts from outside, see json-view.tsx and payload-tree.tsx. */
export const jsonTexts = texts({
  raw: { en: 'As text', pt: 'Como texto' },
  firstCharacters: {
    en: (shown: string, all: string) => `The first ${shown} characters of ${all}.`,
    pt: (shown: string, all: string) => `Os primeiros ${shown} caracteres de ${all}.`,
  },
  text: { en: 'text', pt: 'texto' },
  number: { en: 'number', pt: 'número' },
  boolean: { en: 'true or false', pt: 'verdadeiro ou falso' },
  empty: { en: 'empty', pt: 'vazio' },
  object: {
    en: (count: number, written: string) => (count === 1 ? '1 field' : `${written} fields`),
    pt: (count: number, written: string) => (count === 1 ? '1 campo' : `${written} campos`),
  },
  list: {
    en: (count: number, written: string) => (count === 1 ? 'list of 1' : `list of ${written}`),
    pt: (count: number, written: string) => (count === 1 ? 'lista de 1' : `lista de ${written}`),
  },
  characters: { en: (count: string) => `${count} characters`, pt: (count: string) => `${count} caracteres` },
  moreHere: {
    en: (count: string) => `${count} more: see it as it came`,
    pt: (count: string) => `mais ${count}: veja como chegou`,
  },
  deeper: { en: 'nested deeper: see it as it came', pt: 'mais aninhado: veja como chegou' },
  cut: { en: 'the rest: see it as it came', pt: 'o resto: veja como chegou' },
});
