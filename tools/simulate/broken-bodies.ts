// Bodies that break the contract, each in one way, and that a receiver refuses with 400 or 422.

import type { Random } from '../random.ts';
import { type LooseBody, messageIdIn } from './conversations.ts';

export interface BrokenBody {
  /** What is wrong, for the person who reads the report. */
  flaw: string;
  body: Buffer;
  contentType: string | null;
}

/** Larger than the numbers of a run's conversations, so that a broken body names no event of the run. */
const BROKEN_CONVERSATION = 0xf00000;

const BREAKS: [Flaw, ...Flaw[]] = [
  { flaw: 'no body', break: () => '' },
  { flaw: 'JSON cut off', break: (body) => JSON.stringify(body).slice(0, -20) },
  { flaw: 'a form instead of JSON', break: () => 'event=response&message=oi' },
  {
    flaw: 'not UTF-8',
    break: (body) => Buffer.from(JSON.stringify(body).replace('Teste', 'Descrição'), 'latin1'),
  },
  { flaw: 'JSON, but no object', break: () => '"status"' },
  { flaw: 'an array', break: (body) => [body] },
  { flaw: 'no event', break: ({ message }) => ({ message }) },
  { flaw: 'unknown type', break: changed((body) => (body.event.type = 'typing')) },
  {
    flaw: 'the documentation’s placeholder',
    break: changed((body) => (body.event.status = 'sent | delivered | read')),
  },
  { flaw: 'no status', break: changed((body) => delete body.event.status) },
  { flaw: 'a number as status', break: changed((body) => (body.event.status = 3)) },
  { flaw: 'no message', break: ({ event }) => ({ event }) },
  { flaw: 'no message.messageId', break: changed((body) => delete body.message.messageId) },
  { flaw: 'empty event.messageId', break: changed((body) => (body.event.messageId = '')) },
  { flaw: 'a number as messageId', break: changed((body) => (body.message.messageId = 12345)) },
];

interface Flaw {
  flaw: string;
  break: (body: LooseBody) => unknown;
}

/** The `index`-th broken body of a run. Its message id belongs to the run and to no event. */
export function brokenBody(namespace: string, index: number, random: Random): BrokenBody {
  const { flaw, break: breakBody } = random.pick(BREAKS);
  const broken = breakBody({
    event: { messageId: random.hex(8), type: 'status', status: 'delivered' },
    message: {
      messageId: messageIdIn(namespace, BROKEN_CONVERSATION + index, 0, random),
      message: 'Teste',
      to: '+5544999027914',
      from: '+554188956674',
      appId: '5e138ee5d53f5b001b96fa54',
      updatedAt: '2026-03-02T12:00:00.000Z',
    },
  });
  const isRaw = typeof broken === 'string' || Buffer.isBuffer(broken);
  return {
    flaw,
    body: Buffer.from(isRaw ? (broken as string) : JSON.stringify(broken)),
    contentType: random.pick(['application/json', 'application/x-www-form-urlencoded', null]),
  };
}

function changed(change: (body: LooseBody) => void): (body: LooseBody) => LooseBody {
  return (body) => {
    change(body);
    return body;
  };
}
