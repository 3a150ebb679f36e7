import { texts } from '../frame/language.ts';

export const integrationTexts = texts({
  what: {
    en: 'An integration is a webhook address that is registered with the platform.',
    pt: 'Uma integração é um endereço de webhook registrado na plataforma.',
  },
  list: { en: 'Integrations by name', pt: 'Integrações por nome' },
  none: {
    en: 'There is no integration yet. Create one and register its URL with the platform.',
    pt: 'Ainda não há integrações. Crie uma e registre a URL dela na plataforma.',
  },
  new: { en: 'New integration', pt: 'Nova integração' },
  enabled: { en: 'enabled', pt: 'ativa' },
  disabled: { en: 'disabled', pt: 'desativada' },
  generation: {
    en: (generation: string) => `URL no. ${generation}`,
    pt: (generation: string) => `URL nº ${generation}`,
  },
  overlap: { en: 'old URL still works', pt: 'URL antiga ainda vale' },
  signed: { en: 'signed', pt: 'assinada' },
  addresses: {
    en: (count: string) => `allowed addresses: ${count}`,
    pt: (count: string) => `endereços permitidos: ${count}`,
  },
  noEvent: { en: 'no event yet', pt: 'nenhum evento ainda' },
  lastEvent: { en: 'Last event', pt: 'Último evento' },
  lastEventHint: {
    en: 'Brought up to date once a minute.',
    pt: 'Atualizado uma vez por minuto.',
  },
  created: { en: 'Created', pt: 'Criada' },
  currentUrl: { en: 'Its URL', pt: 'A URL' },
  oldUrls: { en: 'Old URLs', pt: 'URLs antigas' },
  oldUrl: {
    en: (generation: string, until: string) => `no. ${generation} works until ${until}`,
    pt: (generation: string, until: string) => `nº ${generation} vale até ${until}`,
  },
  events: { en: 'Its events', pt: 'Eventos dela' },
  rejections: { en: 'Its rejections', pt: 'Rejeições dela' },
  changes: { en: 'Its changes', pt: 'Alterações dela' },

  slug: { en: 'Name in the URL', pt: 'Nome na URL' },
  slugHint: {
    en: '3 to 64 lower-case letters, digits and hyphens. It cannot be changed later.',
    pt: 'De 3 a 64 letras minúsculas, dígitos e hifens. Não dá para mudar depois.',
  },
  appId: { en: 'Application', pt: 'Aplicação' },
  appIdHint: {
    en: "The application's id on the platform. Empty: webhooks of any application are taken.",
    pt: 'O id da aplicação na plataforma. Vazio: aceita webhooks de qualquer aplicação.',
  },
  anyApplication: { en: 'any', pt: 'qualquer uma' },
  description: { en: 'Description', pt: 'Descrição' },
  descriptionHint: { en: 'For people. May be empty.', pt: 'Para pessoas. Pode ficar vazia.' },
  allowedIps: { en: 'Allowed addresses', pt: 'Endereços permitidos' },
  allowedIpsHint: {
    en: 'IP addresses or CIDR ranges, one a line. Empty: webhooks may come from anywhere.',
    pt: 'Endereços IP ou faixas CIDR, um por linha. Vazio: aceita de qualquer lugar.',
  },
  anywhere: { en: 'from anywhere', pt: 'de qualquer lugar' },
  requireSignature: {
    en: 'Take only signed webhooks (Standard Webhooks)',
    pt: 'Aceitar só webhooks assinados (Standard Webhooks)',
  },
  requireSignatureHint: {
    en: 'For senders behind a gateway that signs. The platform itself cannot.',
    pt: 'Para quem envia por um gateway que assina. A plataforma, sozinha, não assina.',
  },
  signature: { en: 'Signature', pt: 'Assinatura' },
  signatureRequired: { en: 'required', pt: 'exigida' },
  signatureNotRequired: { en: 'not required', pt: 'não exigida' },
  acceptRejections: {
    en: 'Answer 202 to webhooks that become no event',
    pt: 'Responder 202 a webhooks que não viram evento',
  },
  acceptRejectionsHint: {
    en: 'They are kept as rejections either way. For senders that give up on an address that answers 400 or 422, or repeat for days what it refuses.',
    pt: 'De qualquer forma ficam guardados como rejeições. Para quem desiste de um endereço que responde 400 ou 422, ou repete por dias o que ele recusa.',
  },
  rejectionAnswer: { en: 'Answer to rejections', pt: 'Resposta a rejeições' },
  rejectionsRefused: { en: '400 or 422', pt: '400 ou 422' },
  rejectionsAccepted: { en: '202, with what is wrong', pt: '202, com o que está errado' },
  refusals: { en: 'What was refused', pt: 'O que foi recusado' },
  entry: {
    en: (number: string) => `Line ${number}:`,
    pt: (number: string) => `Linha ${number}:`,
  },
  create: { en: 'Create', pt: 'Criar' },
  save: { en: 'Save', pt: 'Salvar' },
  notSaved: {
    en: 'Nothing was saved: look at the fields that are marked.',
    pt: 'Nada foi salvo: veja os campos marcados.',
  },
  taken: {
    en: 'There is an integration of this name already.',
    pt: 'Já existe uma integração com esse nome.',
  },
  full: {
    en: 'There are as many integrations as there can be. Delete one that is not needed any more.',
    pt: 'O número máximo de integrações foi atingido. Exclua alguma que não seja mais usada.',
  },

  doneDeleted: {
    en: (events: string, rejections: string, deadLetters: string) =>
      `The integration was deleted, with events: ${events}, rejections: ${rejections}, dead letters: ${deadLetters}.`,
    pt: (events: string, rejections: string, deadLetters: string) =>
      `A integração foi excluída, com eventos: ${events}, rejeições: ${rejections}, mensagens mortas: ${deadLetters}.`,
  },

  urlTitle: { en: 'URL to register', pt: 'URL para registrar' },
  urlSecret: {
    en: 'Whoever has this URL can deliver webhooks: treat it as a password.',
    pt: 'Quem tem esta URL pode entregar webhooks: trate-a como uma senha.',
  },
  urlHidden: {
    en: 'Only administrators see the URL and the secrets: with them one can deliver webhooks.',
    pt: 'Só administradores veem a URL e os segredos: com eles dá para entregar webhooks.',
  },
  signingSecret: { en: 'Signing secret', pt: 'Segredo de assinatura' },
  formTitle: {
    en: "What to write into the platform's form",
    pt: 'O que preencher no formulário da plataforma',
  },
  formIntro: {
    en: "An administrator of the platform registers the webhook together with the application that integrates. The platform's example address is only an example.",
    pt: 'Um administrador da plataforma registra o webhook junto com a aplicação que integra. O endereço do exemplo da plataforma é só um exemplo.',
  },
  formAnyApplication: {
    en: 'the one whose webhooks are to come here',
    pt: 'aquela cujos webhooks devem chegar aqui',
  },
  formUrl: { en: 'URL', pt: 'URL' },
  formUrlAbove: { en: 'the one above, whole', pt: 'a de cima, inteira' },
  formUrlHidden: { en: 'the one that administrators see here', pt: 'a que os administradores veem aqui' },
  formMethod: { en: 'Method', pt: 'Método' },
  formHeaders: { en: 'Headers', pt: 'Cabeçalhos' },
  formNoHeaders: {
    en: 'none: the token is in the URL, and any or no Content-Type will do',
    pt: 'nenhum: o token está na URL, e serve qualquer Content-Type, ou nenhum',
  },
  formSigned: {
    en: 'The platform does not sign. Here a gateway in front of it must, with the signing secret.',
    pt: 'A plataforma não assina. Aqui um gateway à frente dela precisa assinar, com o segredo de assinatura.',
  },
  otherWays: {
    en: 'If the form has fields for authentication',
    pt: 'Se o formulário tiver campos de autenticação',
  },
  otherWaysHint: {
    en: 'Then the token need not be in the URL. This address, with one of the two:',
    pt: 'Então o token não precisa ir na URL. Este endereço, com um dos dois:',
  },
  bearer: { en: 'Header (Bearer)', pt: 'Cabeçalho (Bearer)' },
  basicPassword: {
    en: 'Or password of Basic authentication, with any user name',
    pt: 'Ou senha de autenticação Basic, com qualquer usuário',
  },
  addressAlone: { en: 'URL without the token', pt: 'URL sem o token' },

  tryTitle: { en: 'Try it', pt: 'Testar' },
  tryCommand: { en: 'The command', pt: 'O comando' },
  tryHint: {
    en: 'Sends the documented reply of a customer, with ids of its own: it becomes an event and goes to the consumers. Reload the page for another one.',
    pt: 'Envia a resposta de cliente da documentação, com ids próprios: vira um evento e vai para os consumidores. Recarregue a página para gerar outra.',
  },
  trySigned: {
    en: 'It is signed as of now; the signature holds for 5 minutes.',
    pt: 'Está assinada agora; a assinatura vale por 5 minutos.',
  },
  tryDisabled: {
    en: 'It is answered 401 while the integration is disabled.',
    pt: 'A resposta será 401 enquanto a integração estiver desativada.',
  },
  tryAddresses: {
    en: 'It is answered 401 from addresses that are not allowed.',
    pt: 'A resposta será 401 a partir de endereços não permitidos.',
  },

  editTitle: { en: 'Settings', pt: 'Configuração' },
  rotateHint: {
    en: 'Makes a new URL. The old one works beside it for as long as you say: time to register the new one. 0 ends all old URLs at once.',
    pt: 'Cria uma nova URL. A antiga continua valendo pelo tempo indicado, para dar tempo de registrar a nova. Com 0, todas as antigas deixam de valer na hora.',
  },
  rotateDefault: {
    en: (until: string) => `With 24 hours the old URL works until ${until}.`,
    pt: (until: string) => `Com 24 horas, a URL antiga vale até ${until}.`,
  },
  overlapHours: { en: 'The old URL works for … hours', pt: 'A URL antiga vale por … horas' },
  rotate: { en: 'Replace the URL', pt: 'Trocar a URL' },
  enable: { en: 'Enable', pt: 'Ativar' },
  disable: { en: 'Disable', pt: 'Desativar' },
  disableHint: {
    en: 'A disabled integration refuses webhooks, and keeps its events.',
    pt: 'Uma integração desativada recusa webhooks e mantém os eventos.',
  },

  deleteTitle: { en: 'Delete an integration', pt: 'Excluir uma integração' },
  deleteWarning: {
    en: 'Its URLs end for good. Webhooks that still come to them are refused.',
    pt: 'As URLs dela deixam de valer para sempre. Webhooks que ainda chegarem serão recusados.',
  },
  deleteFirst: {
    en: 'If it has events, rejections or dead letters, you are told how many before any go.',
    pt: 'Se houver eventos, rejeições ou mensagens mortas, você verá quantos antes de qualquer exclusão.',
  },
  deleteHolds: {
    en: (events: string, rejections: string, deadLetters: string) =>
      `It has events: ${events}, rejections: ${rejections}, dead letters: ${deadLetters}.`,
    pt: (events: string, rejections: string, deadLetters: string) =>
      `Ela tem eventos: ${events}, rejeições: ${rejections}, mensagens mortas: ${deadLetters}.`,
  },
  deleteHoldsAtLeast: {
    en: (events: string, rejections: string, deadLetters: string) =>
      `It has events: at least ${events}, rejections: ${rejections}, dead letters: ${deadLetters}.`,
    pt: (events: string, rejections: string, deadLetters: string) =>
      `Ela tem eventos: pelo menos ${events}, rejeições: ${rejections}, mensagens mortas: ${deadLetters}.`,
  },
  deleteHoldsUnknown: {
    en: 'One request does not tell whether it has events.',
    pt: 'Uma requisição não basta para saber se ela tem eventos.',
  },
  deleteAllWarning: {
    en: 'All of these are deleted with it, also events that no consumer has had yet. Nothing brings them back.',
    pt: 'Tudo isso é excluído junto, inclusive eventos que nenhum consumidor recebeu ainda. Nada os traz de volta.',
  },
  deleteAll: { en: 'Delete it with all that it has', pt: 'Excluir com tudo o que ela tem' },
  deleteType: {
    en: (slug: string) => `Type ${slug} to confirm`,
    pt: (slug: string) => `Digite ${slug} para confirmar`,
  },
  deleteMistyped: {
    en: 'That is not the name of this integration. Nothing was deleted.',
    pt: 'Esse não é o nome desta integração. Nada foi excluído.',
  },
  deleteEnabled: {
    en: 'Somebody enabled it meanwhile, so it stays. What was deleted until then is gone.',
    pt: 'Alguém a ativou nesse meio-tempo, por isso ela fica. O que já foi excluído não volta.',
  },
  deleting: { en: 'Deleting', pt: 'Excluindo' },
  deleted: {
    en: (events: string, rejections: string, deadLetters: string) =>
      `Deleted so far: events ${events}, rejections ${rejections}, dead letters ${deadLetters}.`,
    pt: (events: string, rejections: string, deadLetters: string) =>
      `Excluídos até agora: eventos ${events}, rejeições ${rejections}, mensagens mortas ${deadLetters}.`,
  },
});

/** What was just done. */
export const integrationDoneTexts = texts({
  created: {
    en: 'The integration was created. Register its URL with the platform.',
    pt: 'A integração foi criada. Registre a URL dela na plataforma.',
  },
  saved: {
    en: 'Saved. It takes effect everywhere within 30 seconds.',
    pt: 'Salvo. Vale em todo lugar em até 30 segundos.',
  },
  rotated: {
    en: 'There is a new URL, which works at once. Register it with the platform.',
    pt: 'Há uma nova URL, que já vale. Registre-a na plataforma.',
  },
  enabled: {
    en: 'Enabled. It takes webhooks within 30 seconds.',
    pt: 'Ativada. Passa a receber webhooks em até 30 segundos.',
  },
  disabled: {
    en: 'Disabled. Webhooks are refused within 30 seconds.',
    pt: 'Desativada. Os webhooks passam a ser recusados em até 30 segundos.',
  },
});
