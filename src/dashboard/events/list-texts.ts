import { texts } from '../frame/language.ts';

export const eventsTexts = texts({
  messageId: { en: 'Message id', pt: 'Id da mensagem' },
  forwarded: { en: 'Forwarded', pt: 'Encaminhado' },
  deferred: { en: 'Deferred', pt: 'Adiado' },
  odd: { en: 'Differs from the documentation', pt: 'Difere da documentação' },
  filters: { en: 'Filters', pt: 'Filtros' },
  live: {
    en: 'New events come in on top by themselves.',
    pt: 'Eventos novos aparecem no topo sozinhos.',
  },
  notLive: {
    en: 'With these filters the list stays as it is.',
    pt: 'Com estes filtros a lista fica como está.',
  },
  deep: { en: 'Older events.', pt: 'Eventos mais antigos.' },
  fromTop: { en: 'To the newest', pt: 'Ir para os mais novos' },
  replayThese: { en: 'Send these again…', pt: 'Reenviar estes…' },
  replayAll: { en: 'Send all again…', pt: 'Reenviar todos…' },
  none: { en: 'No event has come yet.', pt: 'Nenhum evento chegou ainda.' },
});
