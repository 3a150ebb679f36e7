import type { RejectionReason } from '../../contract/assess.ts';
import { type TextsByCode, texts } from '../frame/language.ts';

export const rejectionTexts = texts({
  one: { en: 'Rejection', pt: 'Rejeição' },
  what: {
    en: 'Webhooks that came with a genuine token and could not become events. They are kept as they came; once the cause is mended, try them again.',
    pt: 'Webhooks que chegaram com token autêntico e não puderam virar eventos. Ficam guardados como chegaram; corrigida a causa, tente de novo.',
  },
  list: { en: 'Rejections, newest first', pt: 'Rejeições, da mais nova à mais antiga' },
  reason: { en: 'Reason', pt: 'Motivo' },
  moreProblems: { en: (n: string) => `and ${n} more`, pt: (n: string) => `e mais ${n}` },
  deferred: { en: 'acknowledged', pt: 'confirmada' },
  acknowledgement: { en: 'Acknowledged', pt: 'Confirmada' },
  wasAcknowledged: {
    en: 'yes: the platform was told that it was taken, and it is not deleted early to make room',
    pt: 'sim: a plataforma soube que foi recebida, e ela não é excluída antes do prazo para abrir espaço',
  },
  wasAcceptedAsRepeat: {
    en: 'yes: the platform did nothing wrong, and it is not deleted early to make room',
    pt: 'sim: a plataforma não errou, e ela não é excluída antes do prazo para abrir espaço',
  },
  wasRefused: {
    en: 'no: the platform was told what is wrong',
    pt: 'não: a plataforma soube o que está errado',
  },
  delivered: { en: 'Deliveries', pt: 'Entregas' },
  firstAt: { en: 'First came', pt: 'Chegou pela primeira vez' },
  lastAt: { en: 'Last came', pt: 'Chegou pela última vez' },
  requestId: { en: 'Request id in the log', pt: 'Id da requisição no log' },
  problems: { en: 'What is wrong', pt: 'O que está errado' },
  noProblems: { en: 'No more is known.', pt: 'Não se sabe mais.' },
  body: { en: 'The body', pt: 'O corpo' },
  bodyEmpty: { en: 'It is empty.', pt: 'Está vazio.' },
  bodyBytes: { en: 'It is not text. Its bytes:', pt: 'Não é texto. Os bytes:' },
  firstBytes: {
    en: (shown: string, all: string) => `The first ${shown} of ${all}.`,
    pt: (shown: string, all: string) => `Os primeiros ${shown} de ${all}.`,
  },
  retry: { en: 'Try again', pt: 'Tentar de novo' },
  letIn: { en: 'Let in as an event of its own', pt: 'Aceitar como um evento próprio' },
  retryAll: { en: 'Try all again', pt: 'Tentar todas de novo' },
  retryMatching: { en: 'Try all that match again', pt: 'Tentar de novo todas as filtradas' },
  retryTitle: { en: 'Trying again', pt: 'Tentando de novo' },
  stored: {
    en: 'It was let in and is an event now:',
    pt: 'Foi aceita e agora é um evento:',
  },
  duplicate: {
    en: 'Its event was there already, by another delivery:',
    pt: 'O evento já existia, por outra entrega:',
  },
  stillRejected: {
    en: 'It is still rejected, and stays. What is wrong now:',
    pt: 'Continua rejeitada e permanece aqui. O que está errado agora:',
  },
  retried: {
    en: (retried: string, stored: string, duplicates: string, rejected: string) =>
      `Tried again: ${retried}. Events now: ${stored}; there already: ${duplicates}; still rejected: ${rejected}.`,
    pt: (retried: string, stored: string, duplicates: string, rejected: string) =>
      `Tentadas de novo: ${retried}. Viraram eventos: ${stored}; já existiam: ${duplicates}; continuam rejeitadas: ${rejected}.`,
  },
  deleteTitle: { en: 'Delete this rejection?', pt: 'Excluir esta rejeição?' },
  deleteWarning: {
    en: 'The webhook is gone for good then: it can no longer become an event.',
    pt: 'O webhook some para sempre: não poderá mais virar evento.',
  },
  deleted: { en: 'The rejection was deleted.', pt: 'A rejeição foi excluída.' },
  none: {
    en: 'Nothing was rejected: every authentic webhook became an event.',
    pt: 'Nada foi rejeitado: todo webhook autêntico virou evento.',
  },
});

/** Why a webhook became no event, in words that follow it. */
export const rejectionReasonTexts = texts({
  'badly-encoded': { en: 'is not compressed as it says', pt: 'não está comprimido como diz' },
  'not-utf8': { en: 'is not UTF-8', pt: 'não está em UTF-8' },
  'not-json': { en: 'is not JSON', pt: 'não é JSON' },
  'contract-broken': { en: 'breaks the contract', pt: 'foge do contrato' },
  'wrong-application': { en: "is another application's", pt: 'é de outra aplicação' },
  unauthorized: { en: 'its sender was not let in', pt: 'remetente não autorizado' },
  differs: { en: 'differs from the event that it repeats', pt: 'difere do evento que repete' },
} satisfies TextsByCode<RejectionReason>);
