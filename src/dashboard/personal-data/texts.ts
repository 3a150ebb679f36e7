import { texts } from '../frame/language.ts';

export const personalDataTexts = texts({
  eraseTitle: { en: 'Erase a person’s data', pt: 'Apagar os dados de uma pessoa' },
  exportTitle: { en: 'Export a person’s data', pt: 'Exportar os dados de uma pessoa' },
  eraseWhat: {
    en: 'Everything that the receiver holds on this number is erased, and cannot be brought back (LGPD, art. 18):',
    pt: 'Tudo o que o receptor guarda sobre este número é apagado, sem volta (LGPD, art. 18):',
  },
  erasedEvents: {
    en: 'events: what the customer wrote, and what became of messages sent to it',
    pt: 'eventos: o que o cliente escreveu e o que aconteceu com as mensagens enviadas a ele',
  },
  erasedRejections: { en: 'rejections that mention the number', pt: 'rejeições que citam o número' },
  erasedDeadLetters: {
    en: 'dead letters that mention the number',
    pt: 'mensagens mortas que citam o número',
  },
  erasedOthers: {
    en: 'events of other contacts that mention the number, in whatever written form',
    pt: 'eventos de outros contatos que citam o número, em qualquer forma escrita',
  },
  blottedIds: {
    en: 'the number in ids that the audit trail and replays name: a mark stands for it there',
    pt: 'o número em identificadores que a auditoria e os reenvios citam: uma marca fica no lugar dele',
  },
  remains: { en: 'What remains elsewhere', pt: 'O que permanece em outros lugares' },
  remainsBackups: {
    en: 'D1 Time Travel, the backups of the database: 30 days (free plan: 7)',
    pt: 'D1 Time Travel, os backups do banco de dados: 30 dias (plano gratuito: 7)',
  },
  remainsQueues: {
    en: 'messages in queues, until they are consumed or their retention ends. Those in the intake queue are stored later: erase again then',
    pt: 'mensagens em filas, até serem consumidas ou o prazo da fila acabar. As da fila de entrada são gravadas depois: apague de novo então',
  },
  remainsConsumers: {
    en: 'what your consumers made of the events',
    pt: 'o que os seus consumidores fizeram com os eventos',
  },
  remainsAudit: {
    en: 'the receipt in the audit trail: who erased, when and how much, without the number',
    pt: 'o recibo na auditoria: quem apagou, quando e quanto, sem o número',
  },
  exportWhat: {
    en: 'A file with everything that the receiver holds on this number, one JSON object a line (NDJSON): events, rejections and dead letters, also those of others that mention the number. It is personal data: keep it as such.',
    pt: 'Um arquivo com tudo o que o receptor guarda sobre este número, um objeto JSON por linha (NDJSON): eventos, rejeições e mensagens mortas, também os de outros que citam o número. São dados pessoais: guarde como tais.',
  },
  typeNumber: {
    en: 'To confirm, type the number, in any written form',
    pt: 'Para confirmar, digite o número, em qualquer forma escrita',
  },
  otherNumber: {
    en: 'That is not this number. Nothing was done.',
    pt: 'Não é este número. Nada foi feito.',
  },
  erase: { en: 'Erase for good', pt: 'Apagar definitivamente' },
  download: { en: 'Download the file', pt: 'Baixar o arquivo' },
  sender: {
    en: 'Messages are sent from this number, or customers write to it: it is most likely your own. Nothing was erased. Erasing it takes all events that hold it.',
    pt: 'Mensagens são enviadas a partir deste número, ou clientes escrevem para ele: provavelmente é seu. Nada foi apagado. Apagá-lo leva todos os eventos que o contêm.',
  },
  unread: {
    en: 'Whether this number is your own is not known before more of what is stored has been read. Nothing was erased. Try again in a minute.',
    pt: 'Ainda não se sabe se este número é seu: falta ler parte do que está guardado. Nada foi apagado. Tente de novo em um minuto.',
  },
  force: {
    en: 'Erase it all the same, with every event that holds it',
    pt: 'Apagar mesmo assim, com todo evento que o contém',
  },
  interrupted: {
    en: 'The database did not answer, and the erasure was interrupted. What was erased until then is gone: erase again for the rest.',
    pt: 'O banco de dados não respondeu e a exclusão foi interrompida. O que já foi apagado se foi: apague de novo para o resto.',
  },
  unfinishedTitle: { en: 'Not everything was searched yet', pt: 'Ainda falta procurar' },
  unfinished: {
    en: 'There is more stored than one request can search. Until now:',
    pt: 'Há mais dados do que uma requisição consegue procurar. Até aqui:',
  },
  goOn: { en: 'Go on erasing', pt: 'Continuar a apagar' },
  receiptTitle: { en: 'Erased', pt: 'Apagado' },
  receipt: { en: 'Receipt', pt: 'Recibo' },
  receiptKept: {
    en: 'The audit trail has the same: the receipt names the erasure, the number is nowhere.',
    pt: 'A auditoria tem o mesmo: o recibo identifica a exclusão, e o número não está em lugar algum.',
  },
  receiptUnfinished: {
    en: 'This erasure has not come to its end.',
    pt: 'Esta exclusão não chegou ao fim.',
  },
  blotted: { en: 'Ids without the number now', pt: 'Identificadores agora sem o número' },
  at: { en: 'Finished', pt: 'Concluído' },
  inAudit: { en: 'In the audit trail', pt: 'Na auditoria' },
});
