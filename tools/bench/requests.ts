// The webhooks of the load, as bytes ready to be sent. Each is a distinct event of the documented form and size. Only the
// identifiers differ, and they are written over the bytes of a prepared request, so that the client takes little CPU time.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SAMPLES = fileURLToPath(new URL('../../test/samples/', import.meta.url));

/** Each outgoing message takes three steps and gets a reply. */
export const EVENTS_PER_MESSAGE = 4;
const STEPS = ['sent', 'delivered', 'read'];

/** How many customers there are. */
const CONTACTS = 5_000;

// The identifiers in the documented samples, and how many of their last digits number the events.
const EVENT_ID = { text: '"i3i4321d"', digits: 8 };
const MESSAGE_ID = { text: '"5e178088a88ad9001b6e1914"', digits: 12 };
const CONTACT_NUMBERS = ['"+5544999999999"', '"+5544999027914"'];
const CONTACT_DIGITS = 6;

interface Request {
  bytes: Buffer;
  /** The places of the last digits. */
  eventIdEnd: number;
  messageIdEnd: number;
  contactEnds: number[];
}

/** The requests of one connection. The bytes of a request are reused once it has been answered. */
export class Requests {
  readonly #templates: Request[];

  /** @param path with the token, as registered with the platform. */
  constructor(host: string, path: string) {
    const bodies = [...STEPS.map(statusBody), sample('response')];
    this.#templates = bodies.map((body) => requestOf(host, path, body));
  }

  /** The bytes of the n-th event, valid until the next event of its kind. */
  of(n: number): Buffer {
    const request = this.#templates[n % EVENTS_PER_MESSAGE] as Request;
    const message = Math.floor(n / EVENTS_PER_MESSAGE);
    writeDigits(request.bytes, request.eventIdEnd, EVENT_ID.digits, n);
    writeDigits(request.bytes, request.messageIdEnd, MESSAGE_ID.digits, message);
    for (const end of request.contactEnds) {
      writeDigits(request.bytes, end, CONTACT_DIGITS, message % CONTACTS);
    }
    return request.bytes;
  }
}

function sample(name: 'response' | 'status'): string {
  return readFileSync(`${SAMPLES}${name}.json`, 'utf8');
}

function statusBody(status: string): string {
  return sample('status').replace('"status": "delivered"', `"status": "${status}"`);
}

function requestOf(host: string, path: string, body: string): Request {
  const bytes = Buffer.from(
    [
      `POST ${path} HTTP/1.1`,
      `Host: ${host}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
  const endOf = (text: string): number[] => {
    const start = bytes.indexOf(text);
    return start === -1 ? [] : [start + Buffer.byteLength(text) - 2];
  };
  const requiredEndOf = (text: string): number => {
    for (const end of endOf(text)) return end;
    throw new Error(`the samples have changed: ${text} is not in them`);
  };
  return {
    bytes,
    eventIdEnd: requiredEndOf(EVENT_ID.text),
    messageIdEnd: requiredEndOf(MESSAGE_ID.text),
    contactEnds: CONTACT_NUMBERS.flatMap(endOf),
  };
}

/** Writes `value` in decimal, its last digit at `end`, filled with zeros to `digits` of them. */
function writeDigits(bytes: Buffer, end: number, digits: number, value: number): void {
  let rest = value;
  for (let place = end; place > end - digits; place--) {
    bytes[place] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}
