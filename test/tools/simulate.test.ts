// `npm run simulate`: what it plans, and that it tells an honest receiver from one that is not. The receivers are
// stand-ins in this process, honest or with one fault each.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync, inflateSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { eventOf } from '../../src/contract/event.ts';
import { parsePayload } from '../../src/contract/payload.ts';
import { parseWebhook } from '../../src/contract/webhook.ts';
import { Random } from '../../tools/random.ts';
import type { Fields, LooseBody } from '../../tools/simulate/conversations.ts';
import { Ledger, type Outcome } from '../../tools/simulate/ledger.ts';
import { ODDITY_NAMES, oddEvent } from '../../tools/simulate/odd-bodies.ts';
import { parseSimulateOptions } from '../../tools/simulate/options.ts';
import { type Plan, type PlanOptions, planOf } from '../../tools/simulate/plan.ts';
import { reconcile } from '../../tools/simulate/reconcile.ts';
import { tallyOf } from '../../tools/simulate/report.ts';
import type { SimulateReport } from '../../tools/simulate/run.ts';
import { afterStep, FIRST_RATE, rateFor } from '../../tools/simulate/warm-up.ts';
import { type Run, runScript } from '../scripts/run-script.ts';

const SIMULATE = fileURLToPath(new URL('../../tools/simulate.ts', import.meta.url));
const ADMIN_TOKEN = 'admin-token-of-the-tests';
const OPTIONS: PlanOptions = {
  events: 2_000,
  seed: 42,
  run: '',
  contacts: 50,
  disorder: 0.3,
  duplicates: 0.1,
  odd: 0.1,
  invalid: 0.05,
  abandoned: 0.02,
};

describe('the plan', () => {
  it('is the same for the same options, byte by byte, and another for another seed or run', () => {
    const plan = planOf(OPTIONS);
    expect(planOf(OPTIONS).fingerprint).toBe(plan.fingerprint);
    expect(bytesOf(planOf(OPTIONS)).equals(bytesOf(plan))).toBe(true);
    expect(planOf({ ...OPTIONS, seed: 43 }).fingerprint).not.toBe(plan.fingerprint);
    expect(idsOf(planOf({ ...OPTIONS, run: 'again' })).some((id) => plan.events.has(id))).toBe(false);
  });

  it('holds the same events however badly they are delivered', () => {
    const clean = planOf({ ...OPTIONS, disorder: 0, duplicates: 0, invalid: 0, abandoned: 0 });
    expect(isDeepStrictEqual(clean.events, planOf(OPTIONS).events)).toBe(true); // a diff would be endless
    expect(clean.deliveries).toHaveLength(OPTIONS.events);
  });

  it('has as many events, contacts, repeats and broken bodies as asked for', () => {
    const { events, deliveries, contacts } = planOf(OPTIONS);
    expect(events.size).toBe(2_000);
    expect(contacts.size).toBe(50);
    const broken = deliveries.filter(({ event }) => event === null).length;
    expect(broken / 2_000).toBeCloseTo(0.05, 1);
    expect(deliveries.length - broken - 2_000).toBeGreaterThan(200 * 0.8);
    expect(deliveries.filter(({ abandon }) => abandon).length).toBeGreaterThan(20);
  });

  it('expects of each event what the contract makes of it, and breaks the bodies that it calls broken', () => {
    for (const { event, body, flaw } of planOf(OPTIONS).deliveries) {
      const made = eventIn(event?.body ?? body);
      if (event === null) expect(made, String(flaw)).toBeNull();
      else {
        const { id, type, status, contact, appId, messageId, occurredAtMs } = event;
        const told = { ...made, contact: made?.contact || null };
        expect(told, String(event.oddity)).toMatchObject({ id, type, status, contact, appId, messageId });
        expect(made?.occurredAtMs, String(event.oddity)).toBe(occurredAtMs ?? 0); // it arrived at 0
      }
    }
  });

  it('has every kind of event in every spelling of the platform', () => {
    const { events, deliveries } = planOf({ ...OPTIONS, odd: 0 });
    const bodies = [...events.values()].map(({ body }) => JSON.parse(body.toString()));
    const distinct = (of: (body: (typeof bodies)[number]) => unknown) => new Set(bodies.map(of));
    expect(distinct(({ event }) => event.status)).toEqual(
      new Set(['sent', 'delivered', 'read', 'failed', undefined]),
    );
    expect(distinct(({ message }) => message.mediaType)).toEqual(
      new Set(['text', 'document', 'audio', 'image', 'video', 'location', 'sticker', undefined]),
    );
    expect(bodies.some(({ message }) => message.location?.latitude !== undefined)).toBe(true);
    expect(bodies.some(({ message }) => message.mediaData?.link === 'null')).toBe(true);
    expect(bodies.some(({ message }) => /^wdad-\d+$/.test(message.contextId ?? ''))).toBe(true);
    expect(bodies.some(({ message }) => typeof message.failCode === 'number')).toBe(true);
    expect(new Set(deliveries.map(({ contentType }) => contentType))).toEqual(
      new Set(['application/json', 'application/x-www-form-urlencoded', null]),
    );
    const flaws = new Set(deliveries.map(({ flaw }) => flaw));
    for (const flaw of ['JSON cut off', 'no message.messageId', 'unknown type', 'not UTF-8']) {
      expect(flaws).toContain(flaw);
    }
    const written = { status: new Map<string, Set<string>>(), response: new Map<string, Set<string>>() };
    for (const { type, body, contact } of events.values()) {
      if (contact === null) continue;
      const { message, clientData } = JSON.parse(body.toString());
      const forms = written[type].get(contact) ?? new Set();
      written[type].set(contact, forms.add(type === 'status' ? message.to : clientData.number));
    }
    for (const byContact of Object.values(written)) {
      const formCounts = Array.from(byContact.values(), (forms) => forms.size);
      expect(Math.max(...formCounts)).toBe(7); // with and without + and ninth digit, and as gateways and copying write it
    }
  });

  it('has every oddity', () => {
    const plan = planOf({ ...OPTIONS, odd: 1 });
    const sent = [...plan.events.values()];
    expect(new Set(sent.map(({ oddity }) => oddity))).toEqual(new Set(ODDITY_NAMES));
    expect(plan.events.size).toBe(OPTIONS.events);
    expect(planOf({ ...OPTIONS, odd: 0 }).deliveries.some(({ event }) => event?.oddity)).toBe(false);
  });

  it('has as many statuses out of order as asked for', () => {
    const inversions = (disorder: number) => {
      const latest = new Map<string, number>();
      let found = 0;
      for (const { event } of planOf({ ...OPTIONS, duplicates: 0, disorder }).deliveries) {
        if (event?.type !== 'status') continue;
        const before = latest.get(event.messageId) ?? 0;
        if (event.happenedAtMs < before) found++;
        latest.set(event.messageId, Math.max(before, event.happenedAtMs));
      }
      return found;
    };
    expect(inversions(0)).toBe(0);
    expect(inversions(0.3)).toBeGreaterThan(100);
  });

  it('repeats some events at the same instant and others later', () => {
    const first = new Map<string, number>();
    const after: number[] = [];
    for (const { event, slot } of planOf(OPTIONS).deliveries) {
      if (event === null) continue;
      const firstSlot = first.get(event.id);
      if (firstSlot === undefined) first.set(event.id, slot);
      else after.push(slot - firstSlot);
    }
    expect(after.filter((slots) => slots === 0).length).toBeGreaterThan(40);
    expect(after.filter((slots) => slots > 10).length).toBeGreaterThan(40);
  });
});

it('the random numbers are those of sfc32 as published', () => {
  const random = new Random('sfc32');
  const drawn = Array.from({ length: 4 }, () => random.whole(0, 0xffff_ffff));
  expect(drawn).toEqual(referenceSfc32('sfc32', 4));
});

describe('the command line', () => {
  it('has the documented defaults', () => {
    expect(parseSimulateOptions([])).toMatchObject({
      events: 10_000,
      rate: null,
      odd: 0.05,
      seed: 42,
      contacts: 300,
      disorder: 0.3,
      duplicates: 0.1,
      invalid: 0.02,
      url: null,
      port: 8787,
      progress: true,
    });
    expect(parseSimulateOptions(['--no-progress'])).toMatchObject({ progress: false });
  });

  it.each([
    ['--evnts', '3'],
    ['--events', '0'],
    ['--events', '1.5'],
    ['--events', '1e3'],
    ['--rate', '-1'],
    ['--disorder', '1.1'],
    ['--seed', 'x'],
    ['--url', 'ftp://x'],
    ['--url', 'http://x/', '--port', '1'],
    ['10000'],
  ])('is refused in one line with %s %s', (...args) => {
    expect(() => parseSimulateOptions(args)).toThrow(/^[^\n]+$/);
    expect(() => parseSimulateOptions(args)).toThrow(expect.objectContaining({ name: 'UsageError' }));
  });
});

describe('an odd body', () => {
  const ordinary = [...planOf({ ...OPTIONS, odd: 0 }).events.values()];
  const made = ordinary.map((event) => oddEvent(event, new Random(`odd ${event.id}`)));
  const of = (oddity: string) => made.filter((event) => event.oddity === oddity);

  it('has one of many oddities, each of which occurs', () => {
    expect(new Set(made.map(({ oddity }) => oddity))).toEqual(new Set(ODDITY_NAMES));
    expect(ODDITY_NAMES.length).toBeGreaterThan(30);
    expect(new Set(made.map(({ id }) => id)).size).toBe(made.length);
  });

  it.each([
    ['time: offset without a colon', (body: LooseBody) => /\d-0300$/.test(String(timeIn(body)))],
    ['time: Unix seconds', (body: LooseBody) => Number.isInteger(timeIn(body))],
    [
      'number: an address of WhatsApp',
      (body: LooseBody) => /:3@s\.whatsapp\.net$/.test(String(numberIn(body))),
    ],
    ['contact: no number', (body: LooseBody) => numberIn(body) === null],
    ['an empty contextId', (body: LooseBody) => body.message.contextId === ''],
    ['a tapped button', (body: LooseBody) => (body.message.message as Fields).type === 'button_reply'],
    ['a type in capitals', (body: LooseBody) => /^(RESPONSE|STATUS)$/.test(String(body.event.type))],
    [
      'an unknown status',
      (body: LooseBody) => /^(accepted|played|seen|deleted)$/.test(String(body.event.status)),
    ],
  ])('has what its name says: %s', (oddity, isSo) => {
    const bodies = of(oddity).map(({ body }) => JSON.parse(body.toString()));
    expect(bodies.length).toBeGreaterThan(5);
    expect(bodies.every(isSo)).toBe(true);
  });

  it('is an event with the contact, the status and the time that can still be read', () => {
    for (const { contact } of of('contact: no number')) expect(contact).toBeNull();
    for (const { contact } of of('contact: a local id of WhatsApp')) expect(contact).toMatch(/^\d{15}@lid$/);
    for (const { contact } of of('number: tel:')) expect(contact).toMatch(/^\+\d+$/);
    for (const { id, status } of of('an unknown status')) expect(id.endsWith(`:status:${status}`)).toBe(true);
    for (const { id, status } of of('a status in capitals'))
      expect(id.endsWith(`:status:${status}`)).toBe(true);
    for (const { occurredAtMs } of of('time: no zone')) expect(occurredAtMs).toBeNull();
    for (const { occurredAtMs, body } of of('time: no seconds')) {
      expect(occurredAtMs).toBe(Date.parse(String(timeIn(JSON.parse(body.toString())))));
    }
  });

  function timeIn({ clientData, message }: LooseBody) {
    return clientData === undefined ? message.updatedAt : clientData.timeLastMessage;
  }
  function numberIn({ clientData, message }: LooseBody) {
    return clientData === undefined ? message.to : clientData.number;
  }
});

describe('the warm-up', () => {
  /** A receiver that takes so many a second, as its sender sees it step by step. */
  function takenOf(capacity: number): number {
    let waiting = 0;
    for (let rate = FIRST_RATE; ; ) {
      const answered = Math.min(waiting + rate, capacity);
      waiting += rate - answered;
      const next = afterStep({ rate, answered, waiting });
      if ('taken' in next) return next.taken;
      rate = next.rate;
    }
  }

  it.each([5, 15, 30, 70, 130, 250, 330])(
    'finds what a receiver takes, and stays below: %i/s',
    (capacity) => {
      const taken = takenOf(capacity);
      expect(taken).toBeLessThanOrEqual(capacity);
      expect(rateFor(taken)).toBeLessThan(capacity);
      expect(rateFor(taken)).toBeGreaterThanOrEqual(Math.floor(capacity / 2.7));
    },
  );

  it('ends where a receiver takes more than is sent without being asked for', () => {
    expect(rateFor(takenOf(100_000))).toBe(200);
  });

  it('speeds up as long as answers keep pace', () => {
    expect(afterStep({ rate: 100, answered: 100, waiting: 20 })).toEqual({ rate: 150 });
    expect(afterStep({ rate: 100, answered: 60, waiting: 40 })).toEqual({ taken: 60 });
    expect(afterStep({ rate: 20, answered: 0, waiting: 20 })).toEqual({ taken: 1 });
  });
});

describe('a run', () => {
  it('is sent no faster than the receiver takes it, and reports the rate', async () => {
    const { url } = await standIn({ takesPerSecond: 40 });
    const args = ['--url', url, '--token', ADMIN_TOKEN, '--json', '--no-progress', '--events', '300'];
    const { stdout, stderr } = await run(...args, '--duplicates', '0');
    if (stdout === '') throw new Error(stderr);
    const report: SimulateReport = JSON.parse(stdout);
    expect(report).toMatchObject({ failures: [], events: { acknowledged: 300, stored: 300 } });
    expect(report.taken).toBeLessThanOrEqual(60);
    expect(report.rate).toBeLessThan(40);
  });

  it('is sent as fast as was asked for', async () => {
    const { report } = await simulate(await standIn(), '--events', '50', '--rate', '500');
    expect(report).toMatchObject({ failures: [], rate: 500, taken: null });
  });

  it('finds nothing wrong with an honest receiver, and all stored earlier the second time', async () => {
    const receiver = await standIn();
    const options = ['--events', '400', '--abandoned', '0.05', '--invalid', '0.05'];
    const first = await simulate(receiver, ...options);
    expect(first.report).toMatchObject({
      failures: [],
      events: { sent: 400, acknowledged: 400, stored: 400, storedEarlier: 0, lost: 0, invented: 0 },
      requests: { givenUp: 0 },
    });
    const { broken, refused, repeats, abandoned } = first.report.requests;
    expect(refused).toBe(broken);
    for (const count of [broken, repeats, abandoned]) expect(count).toBeGreaterThan(5);
    expect(first.status).toBe(0);

    const second = await simulate(receiver, ...options);
    expect(second.report).toMatchObject({
      failures: [],
      plan: first.report.plan,
      events: { stored: 400, storedEarlier: 400 },
      requests: { acknowledged: { stored: 0 } },
    });
    expect(second.status).toBe(0);
  });

  it('reports in words that nothing was lost', async () => {
    const { status, stdout } = await simulateForPeople(await standIn(), '--events', '50');
    expect(stdout).toMatch(/lost +0\n/);
    expect(stdout).toMatch(/invented +0\n/);
    expect(stdout).toContain('OK: 50 events acknowledged, 0 lost, 0 invented, all forwarded.');
    expect(status).toBe(0);
  });

  it('sends again what was refused for the moment or not answered, and loses nothing', async () => {
    const receiver = await standIn({ isOutOfOrder: true });
    const { status, report } = await simulate(receiver, '--events', '300', '--timeout', '0.3');
    expect(report).toMatchObject({ failures: [], events: { acknowledged: 300, stored: 300 } });
    expect(report.requests.ends['503']).toBeGreaterThan(10);
    expect(report.requests.ends.timeout).toBeGreaterThan(10);
    expect(status).toBe(0);
  });

  it('waits for what is deferred and for what is not forwarded yet', async () => {
    const receiver = await standIn({ isSlowToSettle: true });
    const { status, report } = await simulate(receiver, '--events', '100', '--settle', '20');
    expect(report).toMatchObject({ failures: [], events: { stored: 100, unforwarded: 0 } });
    expect(report.requests.acknowledged.deferred).toBeGreaterThan(5);
    expect(status).toBe(0);
  });

  it.each<[string, Faults, string, Record<string, unknown>]>([
    ['acknowledges without storing', { forgets: 3 }, 'lost', { lost: 3 }],
    ['alters a payload', { alters: 2 }, 'invented', { invented: 2 }],
    ['shows another number', { misreads: 1 }, 'invented', { invented: 1 }],
    ['invents events', { invents: 2 }, 'invented', { invented: 2 }],
    ['stores what it refuses', { storesBroken: true }, 'invented', { lost: 0 }],
    ['never forwards an event', { keepsBack: 4 }, 'unforwarded', { unforwarded: 4 }],
    ['miscounts deliveries', { miscounts: 2 }, 'wrong delivery count', { wrongDeliveries: 2 }],
    ['takes what breaks the contract', { acceptsBroken: true }, 'wrong answer', { lost: 0 }],
  ])('reports a receiver that %s, and exits 1', async (_, faults, what, events) => {
    const receiver = await standIn(faults);
    const { status, report } = await simulate(
      receiver,
      '--events',
      '200',
      '--invalid',
      '0.2',
      '--settle',
      '0.5',
    );
    expect(report.failures.map((failure) => failure.what.split(':')[0])).toEqual([what]);
    expect(report).toMatchObject({ events });
    expect(status).toBe(1);
  });

  it('reports in words what is wrong', async () => {
    const { status, stdout } = await simulateForPeople(await standIn({ forgets: 3 }), '--events', '50');
    expect(stdout).toMatch(/lost +3\n/);
    expect(stdout).toContain('FAILED, 3 × lost: acknowledged, and not in the API');
    expect(status).toBe(1);
  });

  it('exits 2 when there is no receiver, the URL lets nobody in, or the admin token is wrong', async () => {
    const receiver = await standIn();
    const wrongToken = receiver.url.replace('secret', 'guess');
    const exits = [
      await run('--url', 'http://127.0.0.1:9/webhooks/demo/x', '--token', ADMIN_TOKEN),
      await run('--url', wrongToken, '--token', ADMIN_TOKEN),
      await run('--url', receiver.url, '--token', 'not-the-admin-token'),
      await run('--url', 'http://example.invalid/webhooks/demo/x'),
    ];
    for (const { status, stdout, stderr } of exits) {
      expect(stderr).toMatch(/^simulate: [^\n]+\n$/);
      expect(stdout).toBe('');
      expect(status).toBe(2);
    }
    // The token of `npm start` goes to no other machine.
    expect(exits.at(-1)?.stderr).toContain('--url of another machine needs --token');
  });
});

describe('the comparison', () => {
  const plan = planOf({ ...OPTIONS, events: 3 });
  const [first = '', second = ''] = idsOf(plan);

  /** What is said of a run in which the receiver shows nothing. */
  const tally = (fill: (ledger: Ledger) => void, intakeSurvives: boolean) => {
    const ledger = new Ledger(plan);
    fill(ledger);
    return tallyOf(plan, ledger, reconcile(plan, ledger, 'demo', new Map(), []), { intakeSurvives });
  };
  const acknowledge = (ledger: Ledger, id: string, ...outcomes: Outcome[]) => {
    const delivery = plan.deliveries.find(({ event }) => event?.id === id);
    if (delivery === undefined) throw new Error('every event is delivered');
    for (const outcome of outcomes) {
      ledger.attempt(delivery);
      ledger.end(delivery, { kind: 'acknowledged', status: 200, outcome, id }, 1);
    }
  };

  it('counts a deferred event that is missing as lost only where the intake queue survives', () => {
    const deferredOnce = (ledger: Ledger) => acknowledge(ledger, first, 'deferred');
    expect(tally(deferredOnce, true).events).toMatchObject({ lost: 1, deferredMissing: 1, deferredOnly: 1 });
    expect(tally(deferredOnce, false).events).toMatchObject({ lost: 0, deferredMissing: 1, deferredOnly: 1 });
    expect(tally(deferredOnce, false).failures).toEqual([]);
  });

  it('counts as lost what was acknowledged as stored or duplicate, deferred besides or not', () => {
    const fill = (ledger: Ledger) => {
      acknowledge(ledger, first, 'deferred', 'stored');
      acknowledge(ledger, second, 'duplicate');
    };
    expect(tally(fill, false).events).toMatchObject({ acknowledged: 2, lost: 2, deferredMissing: 0 });
  });

  it('reports an event that was answered as new twice', () => {
    const fill = (ledger: Ledger) => acknowledge(ledger, first, 'stored', 'stored');
    expect(tally(fill, true).events).toMatchObject({ storedTwice: 1 });
  });
});

interface Faults {
  /** The first so many events are acknowledged and forgotten, … */
  forgets?: number;
  /** … shown with another payload, another number, … */
  alters?: number;
  misreads?: number;
  /** … never forwarded, or counted once more than they came. */
  keepsBack?: number;
  miscounts?: number;
  /** Shows so many that nobody sent. */
  invents?: number;
  storesBroken?: boolean;
  acceptsBroken?: boolean;
  /** Answers 503 or not at all, at random; some of it after storing. */
  isOutOfOrder?: boolean;
  /** Answers one after the other, so many a second. */
  takesPerSecond?: number;
  /** Defers some events for a while, and forwards the others late. */
  isSlowToSettle?: boolean;
}

interface Stored {
  body: Buffer;
  deliveries: number;
  isForwarded: boolean;
}

const LATE_MS = 700;
const PAGE = 50;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A receiver in memory: the webhook's answers and the listing with its cursor. */
async function standIn(faults: Faults = {}): Promise<{ url: string }> {
  const stored = new Map<string, Stored>();
  const chance = new Random('stand-in');

  const record = (id: string, body: Buffer): 'stored' | 'duplicate' => {
    const known = stored.get(id);
    if (known !== undefined) {
      known.deliveries++;
      return 'duplicate';
    }
    const isForwarded = faults.isSlowToSettle !== true;
    stored.set(id, { body, deliveries: 1, isForwarded });
    if (!isForwarded) setTimeout(() => Object.assign(stored.get(id) ?? {}, { isForwarded: true }), LATE_MS);
    return 'stored';
  };

  const receive = (body: Buffer, answer: ServerResponse) => {
    const event = eventIn(body);
    if (event === null) {
      if (faults.storesBroken) record(brokenIdIn(body), body);
      if (faults.acceptsBroken && body.length > 0) return json(answer, 200, { id: 'x', outcome: 'stored' });
      return json(answer, body.length === 0 ? 400 : 422, {});
    }
    const fate = faults.isOutOfOrder ? chance.fraction() : 1;
    if (fate < 0.1) return json(answer, 503, {});
    if (fate < 0.2) return undefined; // no answer
    if (faults.isSlowToSettle && chance.chance(0.2)) {
      setTimeout(() => record(event.id, body), LATE_MS);
      return json(answer, 200, { id: event.id, outcome: 'deferred' });
    }
    const outcome = record(event.id, body);
    if (fate < 0.3) return undefined; // stored, and no answer
    return json(answer, 200, { id: event.id, outcome });
  };

  const shown = () => {
    const all = [...stored].map(([id, { body, deliveries, isForwarded }], index) => {
      const event = eventIn(body);
      return {
        id,
        integration: 'demo',
        type: event?.type,
        status: event?.status,
        contact: index < (faults.misreads ?? 0) ? '+10000000' : event?.contact || null,
        appId: event?.appId,
        messageId: event?.messageId,
        occurredAt: event && new Date(event.occurredAtMs).toISOString(),
        receivedAt: new Date(0).toISOString(),
        deliveries: index < (faults.miscounts ?? 0) ? deliveries + 9 : deliveries,
        forwarded: isForwarded && index >= (faults.keepsBack ?? 0),
        payload: index < (faults.alters ?? 0) ? { event: {} } : safely(() => parsePayload(body.toString())),
      };
    });
    const invented = all.slice(0, faults.invents ?? 0).map((event, index) => ({
      ...event,
      id: index === 0 ? event.id.replace(':', ':0:') : `0:${event.id}`,
    }));
    return [...all.slice(faults.forgets ?? 0), ...invented].reverse();
  };

  const list = (query: URLSearchParams, answer: ServerResponse) => {
    const from = Number(query.get('cursor') ?? 0);
    const limit = Math.min(Number(query.get('limit')), PAGE); // more pages than the real one has
    const all = shown();
    const next = from + limit < all.length ? String(from + limit) : null;
    json(answer, 200, { data: all.slice(from, from + limit), next });
  };

  let lastTurn = Promise.resolve();
  const turn = () => {
    const { takesPerSecond } = faults;
    if (takesPerSecond === undefined) return undefined;
    lastTurn = lastTurn.then(() => new Promise((resolve) => setTimeout(resolve, 1_000 / takesPerSecond)));
    return lastTurn;
  };

  const server = createServer((request, answer) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://stand-in');
    if (pathname === '/api/events') {
      if (request.headers.authorization !== `Bearer ${ADMIN_TOKEN}`) return json(answer, 401, {});
      return list(searchParams, answer);
    }
    if (pathname !== '/webhooks/demo/secret') return json(answer, 401, {});
    bodyOf(request).then(
      async (body) => {
        await turn();
        return receive(body, answer);
      },
      () => undefined, // its sender hung up
    );
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('listening on no port');
  return { url: `http://127.0.0.1:${address.port}/webhooks/demo/secret` };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  switch (request.headers['content-encoding']) {
    case 'gzip':
      return gunzipSync(body);
    case 'deflate':
      return inflateSync(body);
    default:
      return body;
  }
}

function json(answer: ServerResponse, status: number, body: unknown): void {
  answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** The event of a body, by the product's own contract; `null` where it breaks it. */
function eventIn(body: Buffer) {
  const payload = safely(() => new TextDecoder('utf-8', { fatal: true }).decode(body));
  if (payload === undefined) return null;
  const parsed = safely(() => parseWebhook(parsePayload(payload), Date.now()));
  if (!parsed?.ok) return null;
  return eventOf(parsed, { integration: 'demo', payload, receivedAtMs: 0, requestId: '' });
}

/** What a careless receiver might make its id of. */
function brokenIdIn(body: Buffer): string {
  const messageId = /"messageId":\s*"([0-9a-f]{24})"/.exec(body.toString())?.[1];
  return messageId === undefined ? 'none:none:response' : `${messageId}:x:response`;
}

function safely<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** All that is sent, in order. */
function bytesOf({ deliveries }: Plan): Buffer {
  return Buffer.concat(deliveries.map(({ body }) => body));
}

function idsOf({ events }: Plan): string[] {
  return [...events.keys()];
}

/** sfc32 in 64-bit integers, from its description, to hold the 32-bit tricks against. */
function referenceSfc32(label: string, count: number): number[] {
  const { createHash } = process.getBuiltinModule('node:crypto');
  const seed = createHash('sha256').update(label).digest();
  const mask = 0xffff_ffffn;
  let [a, b, c, counter] = [0, 4, 8, 12].map((at) => BigInt(seed.readUInt32LE(at))) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  return Array.from({ length: count }, () => {
    const sum = (a + b + counter) & mask;
    counter = (counter + 1n) & mask;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & mask;
    c = ((((c << 21n) | (c >> 11n)) & mask) + sum) & mask;
    return Number(sum);
  });
}

async function simulate(
  { url }: { url: string },
  ...args: string[]
): Promise<{ status: number | null; report: SimulateReport }> {
  const { status, stdout, stderr } = await run(
    '--url',
    url,
    '--token',
    ADMIN_TOKEN,
    '--rate',
    '0',
    '--json',
    ...args,
  );
  if (stdout === '') throw new Error(stderr);
  return { status, report: JSON.parse(stdout) };
}

async function simulateForPeople({ url }: { url: string }, ...args: string[]) {
  return run('--url', url, '--token', ADMIN_TOKEN, '--rate', '0', '--settle', '1', ...args);
}

async function run(...args: string[]): Promise<Run> {
  const { ADMIN_TOKEN: _, ...env } = process.env;
  return runScript([SIMULATE, ...args], { env });
}
