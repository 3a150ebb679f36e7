import type * as z from 'zod';
import type { auditAnswer } from '../../api/audit/routes.ts';
import { type TextsByCode, texts } from '../frame/language.ts';

export const auditTexts = texts({
  what: {
    en: 'Every change that was made here, through the API or at the command line. Nothing is taken back out, but for the number of somebody who is erased.',
    pt: 'Toda alteração feita aqui, pela API ou pela linha de comando. Nada é apagado, exceto o número de quem teve os dados apagados.',
  },
  list: { en: 'Changes, newest first', pt: 'Alterações, da mais nova à mais antiga' },
  none: { en: 'Nothing was changed yet.', pt: 'Nada foi alterado ainda.' },
  actor: { en: 'Who', pt: 'Quem' },
  action: { en: 'What', pt: 'O quê' },
  object: { en: 'On what', pt: 'Em quê' },
  adminToken: { en: 'admin token', pt: 'token de administrador' },
  commandLine: {
    en: (user: string) => `${user}, at the command line`,
    pt: (user: string) => `${user}, pela linha de comando`,
  },
  service: {
    en: (name: string) => `service ${name}`,
    pt: (name: string) => `serviço ${name}`,
  },
  everything: { en: 'all integrations', pt: 'todas as integrações' },
  receipt: { en: (id: string) => `receipt ${id}`, pt: (id: string) => `recibo ${id}` },
  cleared: { en: 'cleared', pt: 'removido' },
});

/** What was done, followed by the object. */
export const auditActionTexts = texts({
  'integration.create': { en: 'created the integration', pt: 'criou a integração' },
  'integration.update': { en: 'changed the integration', pt: 'alterou a integração' },
  'integration.rotate': { en: 'replaced the URL of', pt: 'trocou a URL de' },
  'integration.enable': { en: 'enabled the integration', pt: 'ativou a integração' },
  'integration.disable': { en: 'disabled the integration', pt: 'desativou a integração' },
  'integration.delete': { en: 'deleted the integration', pt: 'excluiu a integração' },
  'rejection.retry': { en: 'tried a rejection again:', pt: 'tentou de novo a rejeição' },
  'rejection.retry-many': { en: 'tried rejections again:', pt: 'tentou rejeições de novo:' },
  'rejection.delete': { en: 'deleted a rejection:', pt: 'excluiu a rejeição' },
  'event.replay': { en: 'sent an event again:', pt: 'reenviou o evento' },
  'replay.create': { en: 'began a replay:', pt: 'começou o reenvio' },
  'replay.cancel': { en: 'cancelled a replay:', pt: 'cancelou o reenvio' },
  'replay.pause': { en: 'paused a replay:', pt: 'pausou o reenvio' },
  'replay.resume': { en: 'resumed a replay:', pt: 'retomou o reenvio' },
  'route.create': { en: 'added the route', pt: 'adicionou a rota' },
  'route.update': { en: 'changed which events go to the route', pt: 'alterou quais eventos vão para a rota' },
  'route.pause': { en: 'paused the route', pt: 'pausou a rota' },
  'route.resume': { en: 'resumed the route', pt: 'retomou a rota' },
  'route.delete': { en: 'deleted the route', pt: 'excluiu a rota' },
  'dead-letter.redrive': { en: 'redrove a dead letter:', pt: 'reenviou a mensagem morta' },
  'dead-letter.redrive-many': { en: 'redrove dead letters:', pt: 'reenviou mensagens mortas:' },
  'dead-letter.discard': { en: 'discarded a dead letter:', pt: 'descartou a mensagem morta' },
  'dead-letter.discard-many': { en: 'discarded dead letters:', pt: 'descartou mensagens mortas:' },
  'contact.erase': { en: 'erased a person’s data:', pt: 'apagou os dados de uma pessoa:' },
} satisfies TextsByCode<z.infer<typeof auditAnswer>['action']>);

/** The names of the details that the API writes. */
export const detailTexts = texts({
  appId: { en: 'application', pt: 'aplicação' },
  description: { en: 'description', pt: 'descrição' },
  allowedIps: { en: 'allowed addresses', pt: 'endereços permitidos' },
  requireSignature: { en: 'signature required', pt: 'assinatura exigida' },
  onRejection: { en: 'answer to rejections', pt: 'resposta a rejeições' },
  overlapHours: { en: 'old URL works for (hours)', pt: 'URL antiga vale por (horas)' },
  generation: { en: 'URL no.', pt: 'URL nº' },
  integration: { en: 'integration', pt: 'integração' },
  kind: { en: 'kind', pt: 'caso' },
  reason: { en: 'reason', pt: 'motivo' },
  outcome: { en: 'outcome', pt: 'resultado' },
  deliveries: { en: 'deliveries', pt: 'entregas' },
  retried: { en: 'tried', pt: 'tentadas' },
  stored: { en: 'events now', pt: 'viraram eventos' },
  duplicates: { en: 'there already', pt: 'já existiam' },
  rejected: { en: 'still rejected', pt: 'continuam rejeitadas' },
  done: { en: 'done', pt: 'feitas' },
  skipped: { en: 'left there', pt: 'deixadas' },
  event: { en: 'event', pt: 'evento' },
  events: { en: 'events', pt: 'eventos' },
  unforwarded: { en: 'of them not forwarded', pt: 'deles não encaminhados' },
  rejections: { en: 'rejections', pt: 'rejeições' },
  deadLetters: { en: 'dead letters', pt: 'mensagens mortas' },
  blotted: { en: 'ids without the number now', pt: 'identificadores agora sem o número' },
  blottedBy: { en: 'number taken out by the erasure', pt: 'número retirado pela exclusão' },
  stage: { en: 'stage', pt: 'etapa' },
  type: { en: 'type', pt: 'tipo' },
  status: { en: 'status', pt: 'status' },
  messageId: { en: 'message id', pt: 'id da mensagem' },
  route: { en: 'route', pt: 'rota' },
  filter: { en: 'which events', pt: 'quais eventos' },
  from: { en: 'begins', pt: 'começa' },
  since: { en: 'from', pt: 'de' },
  until: { en: 'until', pt: 'até' },
  all: { en: 'all of them', pt: 'todas' },
  byContact: { en: 'of one contact', pt: 'de um contato' },
  cursor: { en: 'went on behind', pt: 'continuou após' },
  interrupted: { en: 'interrupted', pt: 'interrompido' },
});

/** How far an erasure has come. */
export const stageTexts = texts({
  begun: { en: 'begun', pt: 'começada' },
  unfinished: { en: 'not finished', pt: 'não terminada' },
  finished: { en: 'finished', pt: 'terminada' },
});

/** What a retry of a rejection came to. */
export const outcomeTexts = texts({
  stored: { en: 'became an event', pt: 'virou evento' },
  duplicate: { en: 'was an event already', pt: 'já era evento' },
  rejected: { en: 'still rejected', pt: 'continua rejeitada' },
});

/** Where a new route begins, unless it is a time. */
export const beginningTexts = texts({
  now: { en: 'with what comes from then on', pt: 'com o que chegar a partir dali' },
  oldest: { en: 'at the oldest event', pt: 'no evento mais antigo' },
});

/** What the sender of a rejection is answered. */
export const onRejectionTexts = texts({
  accept: { en: '202', pt: '202' },
  refuse: { en: '400 or 422', pt: '400 ou 422' },
});
