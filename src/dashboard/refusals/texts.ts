import type { RejectionReason } from '../../contract/assess.ts';
import type { RefusalReason } from '../../contract/refusals.ts';
import { type TextsByCode, texts } from '../frame/language.ts';

/** Reasons for which nothing but the count is kept. The others are those of rejections. */
export type UnkeptReason = Exclude<RefusalReason, RejectionReason>;

export const refusalTexts = texts({
  title: { en: 'Refused webhooks', pt: 'Webhooks recusados' },
  what: {
    en: 'Requests for webhook addresses that were not taken, by integration and reason. Of authentic ones that became no event the bodies are kept, as rejections; of the others there is only this count.',
    pt: 'Requisições a endereços de webhook que não foram aceitas, por integração e motivo. Das autênticas que não viraram evento o corpo fica guardado, como rejeição; das outras só existe esta contagem.',
  },
  list: { en: 'Refusals, most frequent first', pt: 'Recusas, da mais à menos frequente' },
  none: { en: 'Nothing was refused.', pt: 'Nada foi recusado.' },
  noIntegration: { en: 'no integration', pt: 'nenhuma integração' },
  toRejections: { en: 'See what was kept', pt: 'Ver o que foi guardado' },

  kept: {
    en: 'They are kept as rejections. Look at what is wrong; once the cause is mended, try them again.',
    pt: 'Ficam guardados como rejeições. Veja o que está errado; corrigida a causa, tente de novo.',
  },
});

export const refusalReasonTexts = texts({
  'no-token': {
    en: 'without a token',
    pt: 'sem token',
  },
  'wrong-token': { en: 'with a wrong token', pt: 'com token errado' },
  'old-token': { en: 'with an old URL', pt: 'com URL antiga' },
  'unknown-integration': { en: 'for no integration', pt: 'para integração inexistente' },
  disabled: { en: 'for a disabled integration', pt: 'para integração desativada' },
  address: { en: 'from an address that is not allowed', pt: 'de endereço não permitido' },
  signature: { en: 'without a signature that holds', pt: 'sem assinatura que confere' },
  'wrong-method': { en: 'by another method than POST', pt: 'por outro método, não POST' },
  'wrong-address': { en: 'at no webhook address', pt: 'fora de qualquer endereço de webhook' },
  encoded: { en: 'in an unknown encoding', pt: 'em codificação desconhecida' },
  'too-large': { en: 'larger than 1 MiB', pt: 'com mais de 1 MiB' },
  'too-slow': { en: 'that came too slowly', pt: 'que chegaram devagar demais' },
  busy: { en: 'while too much came at once', pt: 'com excesso de chegadas ao mesmo tempo' },
  unavailable: {
    en: 'while neither database nor queue took them',
    pt: 'com o banco de dados e a fila indisponíveis',
  },
} satisfies TextsByCode<UnkeptReason>);

/** What to do about it. */
export const refusalAdviceTexts = texts({
  'no-token': {
    en: 'Somebody calls the address without its token. If it is the platform, register the whole URL, as the integration’s page shows it.',
    pt: 'Alguém chama o endereço sem o token. Se for a plataforma, registre a URL inteira, como está na página da integração.',
  },
  'wrong-token': {
    en: 'The token is not genuine: a URL that was cut or mistyped, WEBHOOK_SECRET that was changed, or somebody who guesses. If it is the platform, register the URL again.',
    pt: 'O token não é autêntico: URL cortada ou digitada errado, WEBHOOK_SECRET trocado, ou alguém tentando adivinhar. Se for a plataforma, registre a URL de novo.',
  },
  'old-token': {
    en: 'The URL was replaced, and the sender still uses the one before. Register the new URL with the platform.',
    pt: 'A URL foi trocada e o remetente ainda usa a anterior. Registre a nova URL na plataforma.',
  },
  'unknown-integration': {
    en: 'There is no integration of this name: it was deleted or mistyped, or somebody guesses. Create it again, or end the registration with the platform.',
    pt: 'Não há integração com esse nome: foi excluída, o nome está errado, ou alguém tenta adivinhar. Crie-a de novo ou encerre o registro na plataforma.',
  },
  disabled: {
    en: 'Enable the integration to take its webhooks, or end the registration with the platform.',
    pt: 'Ative a integração para aceitar os webhooks dela, ou encerre o registro na plataforma.',
  },
  address: {
    en: 'The token is genuine, the IP address is not among those allowed. If the sender has moved, add its address.',
    pt: 'O token é autêntico, mas o endereço IP não está entre os permitidos. Se o remetente mudou, acrescente o endereço dele.',
  },
  signature: {
    en: 'The integration asks for signatures. Compare the signing secret and the clock of the sender, or take signatures out of the settings.',
    pt: 'A integração exige assinatura. Compare o segredo de assinatura e o relógio do remetente, ou deixe de exigir assinatura.',
  },
  'wrong-method': {
    en: 'Set the method to POST in the form of the platform.',
    pt: 'Escolha o método POST no formulário da plataforma.',
  },
  'wrong-address': {
    en: 'The path is not that of a webhook URL: compare it, whole, with the one that was registered.',
    pt: 'O caminho não é o de uma URL de webhook: compare-o, inteiro, com a URL registrada.',
  },
  encoded: {
    en: 'The sender compresses by another way than gzip or deflate, or more than once. Switch that off in front of the receiver: these webhooks are lost.',
    pt: 'O remetente comprime de outro modo, não gzip nem deflate, ou mais de uma vez. Desligue isso no remetente: estes webhooks se perdem.',
  },
  'too-large': {
    en: 'No webhook of the platform is so large. These are lost: find out what the sender puts into them.',
    pt: 'Nenhum webhook da plataforma é tão grande. Estes se perdem: descubra o que o remetente põe neles.',
  },
  'too-slow': {
    en: 'The body took longer than 30 seconds. A good sender tries again; if many come, look at the network between.',
    pt: 'O corpo levou mais de 30 segundos. Um bom remetente tenta de novo; se forem muitos, veja a rede no caminho.',
  },
  busy: {
    en: 'Answered 503, to be sent again. If it goes on, a sender delivers too many large bodies at once.',
    pt: 'Respondidos com 503, para reenviar. Se continuar, um remetente entrega corpos grandes demais de uma vez.',
  },
  unavailable: {
    en: 'Answered 503, to be sent again. If the platform does not, these are lost: look at the status of Cloudflare and at the log.',
    pt: 'Respondidos com 503, para reenviar. Se a plataforma não reenviar, estes se perdem: veja o status da Cloudflare e o log.',
  },
} satisfies TextsByCode<UnkeptReason>);
