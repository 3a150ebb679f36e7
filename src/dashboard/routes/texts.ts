import { texts } from '../frame/language.ts';

/** The list of routes. */
export const routeListTexts = texts({
  what: {
    en: 'A route is one way out: a queue that one consumer reads, and which events go there.',
    pt: 'Uma rota é uma saída: uma fila que um consumidor lê, e quais eventos vão para ela.',
  },
  new: { en: 'New route', pt: 'Nova rota' },
  list: { en: 'Routes by name', pt: 'Rotas por nome' },
  none: {
    en: 'There is no route: events are stored and go nowhere. Add one.',
    pt: 'Não há rotas: os eventos são gravados e não vão a lugar nenhum. Adicione uma.',
  },
  live: { en: 'Brought up to date by itself.', pt: 'Atualiza sozinho.' },
  reload: { en: 'Bring up to date', pt: 'Atualizar' },
  route: { en: 'Route', pt: 'Rota' },
  state: { en: 'State', pt: 'Situação' },
  filter: { en: 'Which events', pt: 'Quais eventos' },
  behind: { en: 'Behind', pt: 'Atraso' },
  gaps: { en: 'Gaps', pt: 'Lacunas' },
  forwarded: { en: 'Forwarded', pt: 'Encaminhados' },
  deadLetters: { en: 'Dead letters', pt: 'Mensagens mortas' },
  backlog: { en: 'In the queue', pt: 'Na fila' },
  addRoute: {
    en: (name: string) => `Add the route ${name}`,
    pt: (name: string) => `Adicionar a rota ${name}`,
  },
});

/** What is wrong with a route. The overview says the same. */
export const routeWarningTexts = texts({
  unbound: {
    en: (route: string, binding: string) =>
      `The route ${route} has no queue: this deployment has no binding ${binding}, so its events wait.`,
    pt: (route: string, binding: string) =>
      `A rota ${route} não tem fila: esta implantação não tem o binding ${binding}, e os eventos dela esperam.`,
  },
  unrouted: {
    en: (binding: string) => `The binding ${binding} has no route: nothing goes to its queue.`,
    pt: (binding: string) => `O binding ${binding} não tem rota: nada vai para a fila dele.`,
  },
  pausedLong: {
    en: (route: string, time: string) => `The route ${route} has been paused for ${time}. Its events wait.`,
    pt: (route: string, time: string) => `A rota ${route} está pausada há ${time}. Os eventos dela esperam.`,
  },
  behind: {
    en: (route: string, time: string) =>
      `An event has waited ${time} to be forwarded on the route ${route}. Its queue may be failing; see the log.`,
    pt: (route: string, time: string) =>
      `Um evento espera há ${time} para ser encaminhado pela rota ${route}. A fila dela pode estar falhando; veja o log.`,
  },
});

/** What is told of a route. */
export const routeTexts = texts({
  one: { en: (name: string) => `Route ${name}`, pt: (name: string) => `Rota ${name}` },
  now: { en: 'Now', pt: 'Agora' },
  since: { en: (time: string) => `since ${time}`, pt: (time: string) => `desde ${time}` },
  stateSince: { en: 'In this state since', pt: 'Nesta situação desde' },
  waiting: {
    en: (count: number, written: string) => (count === 1 ? '1 event' : `${written} events`),
    pt: (count: number, written: string) => (count === 1 ? '1 evento' : `${written} eventos`),
  },
  waitingAtLeast: {
    en: (written: string) => `at least ${written} events`,
    pt: (written: string) => `pelo menos ${written} eventos`,
  },
  waitingFor: {
    en: (time: string) => `the oldest for ${time}`,
    pt: (time: string) => `o mais antigo há ${time}`,
  },
  upToDate: { en: 'nothing waits', pt: 'nada espera' },
  atLeast: {
    en: (written: string) => `at least ${written}`,
    pt: (written: string) => `pelo menos ${written}`,
  },
  gapsHint: {
    en: 'Stretches that are yet to be forwarded, with what was forwarded behind them. They close by themselves.',
    pt: 'Trechos ainda por encaminhar, com outros já encaminhados depois deles. Fecham sozinhos.',
  },
  backlog: {
    en: (count: number, written: string, size: string) =>
      count === 1 ? `1 message, ${size}` : `${written} messages, ${size}`,
    pt: (count: number, written: string, size: string) =>
      count === 1 ? `1 mensagem, ${size}` : `${written} mensagens, ${size}`,
  },
  backlogUnknown: { en: 'the queue does not tell', pt: 'a fila não informa' },
  noQueue: { en: 'no queue', pt: 'sem fila' },
  binding: { en: 'Binding', pt: 'Binding' },
  isBound: { en: 'in this deployment', pt: 'nesta implantação' },
  isUnbound: { en: 'not in this deployment', pt: 'não está nesta implantação' },
  begins: { en: 'Begins', pt: 'Começa' },
  beginsOldest: { en: 'at the oldest event', pt: 'no evento mais antigo' },
  position: { en: 'Everything forwarded up to', pt: 'Tudo encaminhado até' },
  positionNone: { en: 'nothing yet', pt: 'nada ainda' },
  created: { en: 'Created', pt: 'Criada' },

  all: { en: 'all events', pt: 'todos os eventos' },
  integrations: { en: 'Integrations', pt: 'Integrações' },
  types: { en: 'Types', pt: 'Tipos' },
  statuses: { en: 'Statuses', pt: 'Status' },

  waitingEvents: { en: 'Events that wait for it', pt: 'Eventos à espera dela' },
  itsDeadLetters: { en: 'Its dead letters', pt: 'Mensagens mortas dela' },
  changes: { en: 'Its changes', pt: 'Alterações dela' },
  sendAgain: { en: 'Send again to this route alone…', pt: 'Reenviar só para esta rota…' },
  replays: { en: 'Its replays', pt: 'Reenvios dela' },
  noReplays: {
    en: 'Nothing was sent to it again lately.',
    pt: 'Nada foi reenviado para ela ultimamente.',
  },
  allReplays: { en: 'All replays', pt: 'Todos os reenvios' },

  editTitle: { en: 'Which events it gets', pt: 'Quais eventos ela recebe' },
  editHint: {
    en: 'Another choice holds for what is not forwarded yet. What is beyond a gap may be sent once more.',
    pt: 'Outra escolha vale para o que ainda não foi encaminhado. O que está depois de uma lacuna pode ser enviado mais uma vez.',
  },
  save: { en: 'Save', pt: 'Salvar' },
  notSaved: {
    en: 'Nothing was saved. This is wrong:',
    pt: 'Nada foi salvo. Isto está errado:',
  },
  pause: { en: 'Pause', pt: 'Pausar' },
  pauseHint: {
    en: 'While it is paused its events wait, and none is lost while it is kept. The other routes go on.',
    pt: 'Enquanto está pausada os eventos dela esperam, e nenhum se perde enquanto é guardado. As outras rotas continuam.',
  },
  resume: { en: 'Resume', pt: 'Retomar' },
  resumeHint: {
    en: 'It goes on where it stopped: what waits is forwarded first to last.',
    pt: 'Ela continua de onde parou: o que espera é encaminhado do primeiro ao último.',
  },

  queueMissing: {
    en: 'Its queue is missing here. Write it into the wrangler.toml of the receiver, and deploy:',
    pt: 'A fila dela falta aqui. Escreva-a no wrangler.toml do receptor e implante:',
  },
  setUp: { en: 'Its consumer', pt: 'O consumidor dela' },
  setUpHint: {
    en: 'The consumer reads the queue of this route. Into its wrangler.toml:',
    pt: 'O consumidor lê a fila desta rota. No wrangler.toml dele:',
  },
  consumerToml: { en: "Part of the consumer's wrangler.toml", pt: 'Trecho do wrangler.toml do consumidor' },

  deleteTitle: { en: 'Delete this route?', pt: 'Excluir esta rota?' },
  deleteWarning: {
    en: 'Nothing goes to its queue any more. What waits for it is not sent, and its replays end. Events stay stored, and the other routes go on.',
    pt: 'Nada mais vai para a fila dela. O que espera por ela não é enviado, e os reenvios dela terminam. Os eventos continuam gravados, e as outras rotas continuam.',
  },
  deleteWaiting: {
    en: (waiting: string) => `Waiting for it now: ${waiting}.`,
    pt: (waiting: string) => `Esperam por ela agora: ${waiting}.`,
  },
  deleteDeadLetters: {
    en: (count: string) => `Its dead letters stay: ${count}.`,
    pt: (count: string) => `As mensagens mortas dela ficam: ${count}.`,
  },
  deleteBinding: {
    en: (binding: string) =>
      `Take the binding ${binding} out of wrangler.toml as well, or it is reported as one without a route.`,
    pt: (binding: string) =>
      `Tire também o binding ${binding} do wrangler.toml, ou ele será apontado como binding sem rota.`,
  },
  deleteType: {
    en: (name: string) => `Type ${name} to delete it`,
    pt: (name: string) => `Digite ${name} para excluir`,
  },
  deleteMistyped: {
    en: 'That is not the name of this route. Nothing was deleted.',
    pt: 'Esse não é o nome desta rota. Nada foi excluído.',
  },
});

/** Adding a route, step by step. */
export const newRouteTexts = texts({
  nameTitle: { en: '1. Its name', pt: '1. O nome' },
  name: { en: 'Name of the route', pt: 'Nome da rota' },
  nameHint: {
    en: 'Lower-case letters, digits and single underscores, beginning with a letter, such as crm. It cannot be changed later.',
    pt: 'Letras minúsculas, dígitos e sublinhados simples, começando por letra, como crm. Não dá para mudar depois.',
  },
  taken: { en: 'There is a route of this name already.', pt: 'Já existe uma rota com esse nome.' },
  full: {
    en: 'There are as many routes as there can be. Delete one that is not needed any more.',
    pt: 'O número máximo de rotas foi atingido. Exclua alguma que não seja mais usada.',
  },
  goOn: { en: 'Go on', pt: 'Continuar' },
  otherName: { en: 'Another name', pt: 'Outro nome' },
  queueTitle: { en: '2. Its queue', pt: '2. A fila' },
  isBound: {
    en: (binding: string) => `This deployment has the binding ${binding} already: there is nothing to do.`,
    pt: (binding: string) => `Esta implantação já tem o binding ${binding}: não há nada a fazer.`,
  },
  byCommand: {
    en: 'In the project of the receiver, this command writes the queue into wrangler.toml. On your own machine it also adds the route; anywhere else deploy, and add the route below:',
    pt: 'No projeto do receptor, este comando escreve a fila no wrangler.toml. Na sua própria máquina ele também adiciona a rota; em qualquer outro lugar implante e adicione a rota abaixo:',
  },
  command: { en: 'Command', pt: 'Comando' },
  byHand: {
    en: 'Or write it there yourself. A route can be added first: its events wait until its queue is deployed.',
    pt: 'Ou escreva você mesmo. A rota pode ser adicionada antes: os eventos dela esperam até a fila ser implantada.',
  },
  receiverToml: { en: "Part of the receiver's wrangler.toml", pt: 'Trecho do wrangler.toml do receptor' },
  filterTitle: { en: '3. Which events it gets', pt: '3. Quais eventos ela recebe' },
  noneTicked: {
    en: 'Where nothing is ticked, all go there, also what is added later.',
    pt: 'Onde nada está marcado, vai tudo, também o que for adicionado depois.',
  },
  statusHint: {
    en: 'Replies have no status, and are not held back by this.',
    pt: 'Respostas não têm status e não são retidas por isto.',
  },
  noIntegrations: { en: 'There is no integration yet.', pt: 'Ainda não há integrações.' },
  beginningTitle: { en: '4. Where it begins', pt: '4. Onde ela começa' },
  fromNow: { en: 'With what comes from now on', pt: 'Com o que chegar a partir de agora' },
  fromOldest: {
    en: 'With the oldest event that is kept: all of them are sent',
    pt: 'No evento mais antigo que é guardado: todos são enviados',
  },
  fromTime: { en: 'With what was stored from a time on', pt: 'Com o que foi gravado a partir de um horário' },
  time: { en: 'The time', pt: 'O horário' },
  create: { en: 'Add the route', pt: 'Adicionar a rota' },
});

/** What was just done. */
export const routeDoneTexts = texts({
  created: {
    en: 'The route was added. Now have its consumer read the queue; what it needs is below.',
    pt: 'A rota foi adicionada. Agora o consumidor precisa ler a fila; veja abaixo o que ele precisa.',
  },
  saved: {
    en: 'Saved. It holds everywhere within 30 seconds.',
    pt: 'Salvo. Vale em todo lugar em até 30 segundos.',
  },
  paused: {
    en: 'Paused. Nothing is sent to its queue within 30 seconds.',
    pt: 'Pausada. Em até 30 segundos nada mais é enviado para a fila dela.',
  },
  resumed: {
    en: 'Resumed. It catches up with what waited.',
    pt: 'Retomada. Ela recupera o que ficou à espera.',
  },
  deleted: { en: 'The route was deleted.', pt: 'A rota foi excluída.' },
  already: {
    en: 'It was so already: somebody else did it.',
    pt: 'Já estava assim: outra pessoa fez isso.',
  },
});
