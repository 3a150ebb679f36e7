// The conversation of the pictures, in bodies as the platform documents them.
import type { Fields, LooseBody } from '../simulate/conversations.ts';

export const CUSTOMER = '+5541988124676';
const BUSINESS = '+554133221100';
const APPLICATION = '5e138ee5d53f5b001b96fa54';
const MINUTE_MS = 60_000;

type Said =
  | { text: string }
  | { image: string; caption: string }
  | { place: string; address: string; latitude: number; longitude: number };

/** Who says what, so many minutes before now, and the last step of what was sent. */
const LINES: { minutesAgo: number; said: Said; steps?: ('sent' | 'delivered' | 'read' | 'failed')[] }[] = [
  {
    minutesAgo: 96,
    said: { text: 'Olá, Helena! Seu pedido 4821 saiu para entrega e chega hoje até as 18 h.' },
    steps: ['sent', 'delivered', 'read'],
  },
  { minutesAgo: 88, said: { text: 'Oba! Dá pra deixar na portaria? 🙏' } },
  {
    minutesAgo: 86,
    said: { text: 'Claro, já avisamos o entregador.' },
    steps: ['sent', 'delivered', 'read'],
  },
  {
    minutesAgo: 31,
    said: { image: 'https://midia.example/entrega-4821.jpg', caption: 'Chegou assim, com a caixa aberta 😕' },
  },
  {
    minutesAgo: 28,
    said: { text: 'Sentimos muito, Helena. Pode nos dizer onde retirar? Trocamos ainda hoje.' },
    steps: ['sent', 'delivered', 'read'],
  },
  {
    minutesAgo: 12,
    said: {
      place: 'Trabalho',
      address: 'R. XV de Novembro, 987, Curitiba',
      latitude: -25.4297,
      longitude: -49.2719,
    },
  },
  {
    minutesAgo: 9,
    said: { text: 'Perfeito: o entregador passa entre 16 h e 17 h com a peça nova.' },
    steps: ['sent', 'delivered'],
  },
  { minutesAgo: 1, said: { text: 'Muito obrigada! Vocês são ótimos 💛' } },
];

export interface Told {
  body: LooseBody;
  /** The moment at which it is to have been received. */
  receivedAtMs: number;
}

/** The webhooks of the story, in their order. */
export function storyUntil(nowMs: number): Told[] {
  const webhooks = LINES.flatMap(({ minutesAgo, said, steps }, line): Told[] => {
    const beganAtMs = nowMs - minutesAgo * MINUTE_MS;
    const message = messageOf(said, line, beganAtMs);
    const atStep = (step: number) => beganAtMs + step * 20_000;
    if (steps === undefined) {
      const client = { number: CUSTOMER, name: 'Helena Prado', timeLastMessage: iso(beganAtMs) };
      const event = { messageId: `story${line}`, type: 'response' };
      return [{ body: { event, clientData: client, message }, receivedAtMs: beganAtMs }];
    }
    return steps.map((status, step) => ({
      body: {
        event: { messageId: `story${line}`, type: 'status', status },
        message: { ...message, updatedAt: iso(atStep(step)) },
      },
      receivedAtMs: atStep(step),
    }));
  });
  return webhooks.sort((a, b) => a.receivedAtMs - b.receivedAtMs);
}

function messageOf(said: Said, line: number, atMs: number): Fields {
  return {
    messageId: `5e178088a88ad9001b6e1${String(line).padStart(3, '0')}`,
    contextId: 'pedido-4821',
    interactionsId: '0398634d-5a10-4118-b44f-02d26f3a773a',
    ...contentOf(said),
    to: CUSTOMER,
    from: BUSINESS,
    appId: APPLICATION,
    status: 'stored',
    createdAt: iso(atMs),
    updatedAt: iso(atMs),
  };
}

function contentOf(said: Said): Fields {
  if ('text' in said) return { mediaType: 'text', message: said.text };
  if ('image' in said) {
    return {
      mediaType: 'image',
      mediaData: { link: said.image, caption: said.caption, filename: 'entrega.jpg' },
    };
  }
  const { place: name, ...where } = said;
  return { mediaType: 'location', location: { name, ...where } };
}

function iso(atMs: number): string {
  return new Date(atMs).toISOString();
}
