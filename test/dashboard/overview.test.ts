// The overview and the live stream: whether all is well, counts and newest events, whatever D1 does.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { formats } from '../../src/dashboard/frame/formats.ts';
import { pointsOf } from '../../src/dashboard/overview/chart.tsx';
import { reasonsOf } from '../../src/dashboard/overview/health-words.ts';
import { storeEvents } from '../store/stored-events.ts';
import {
  addFurtherRoutes,
  allForwarded,
  type Body,
  countRows,
  deliver,
  delivered,
  eventually,
  idle,
  inject,
  reset,
  responseBody,
  responseText,
  seen,
  statusBody,
  uniqueResponse,
} from '../webhooks.ts';
import { type Browser, READ_TOKEN, signedIn } from './signed-in.ts';

const MINUTE_MS = 60_000;

let browser: Browser;

beforeEach(async () => {
  await reset({ READ_TOKEN });
  browser = await signedIn();
});

/** The text of a page, without its tags. */
function textOf(page: string): string {
  return page.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
}

/** The number in a figure of the overview. */
function figure(page: string, href: string): string | undefined {
  return new RegExp(`<a href="${href.replace(/[?]/g, '\\?')}[^"]*"><strong>([^<]*)</strong>`).exec(page)?.[1];
}

describe('the sentence on the state of the receiver', () => {
  it('says that all is well where it is', async () => {
    await env.PROBE.runCron();
    const page = await browser.page('/');
    expect(page).toContain('class="wellbeing good"');
    expect(textOf(page)).toContain('All is well: webhooks are stored and forwarded.');
    expect(textOf(await (await signedIn(READ_TOKEN, 'pt')).page('/'))).toContain('Tudo em ordem');
  });

  it('says what is wrong where something is', async () => {
    await env.PROBE.runCron();
    await inject({ events: { kind: 'reject' } });
    await delivered(uniqueResponse());
    await env.PROBE.setClock(10 * MINUTE_MS);
    const text = textOf(await browser.page('/'));
    expect(text).toContain('The sweep of unforwarded events last ran 10m');
    expect(text).toMatch(/An event has waited (9|10)m .*to be forwarded on the route events/);
    expect(text).toContain('To the routes');
    expect(text).not.toContain('All is well');
  });

  it.each(['reject', 'hang'] as const)('is there while D1 does not answer: %s', async (kind) => {
    await inject({ d1: { kind } });
    const page = await browser.page('/');
    expect(textOf(page)).toContain('The database does not answer.');
    expect(textOf(page)).toContain('cannot be shown while the database does not answer');
  });

  it('has words in both languages for everything that the health check finds', () => {
    const amiss = { status: 'degraded' } as const;
    const at = '2026-03-01T00:00:00Z';
    const stateSince = '2026-02-28T00:00:00Z';
    const route = { bound: true, state: 'active', stateSince, waiting: 7, oldestAgeMs: null } as const;
    const checks = {
      d1: { ...amiss, answeredInMs: 3, databaseBytes: 95, maxDatabaseBytes: 100 },
      queues: { status: 'ok', routes: {}, intake: null },
      cron: { ...amiss, lastRunAt: at },
      sweep: { ...amiss, lastRunAt: at },
      rollUp: { ...amiss, lastRunAt: null },
      routes: {
        ...amiss,
        unrouted: ['EVENTS_CRM'],
        data: [
          { ...route, ...amiss, name: 'late', oldestAgeMs: 600_000 },
          { ...route, ...amiss, name: 'unbound', bound: false },
          { ...route, ...amiss, name: 'forgotten', state: 'paused' },
          { ...route, status: 'ok', name: 'fine' },
        ],
      },
      deadLetters: { ...amiss, messages: 9, unstored: 4, neverSent: 3 },
      refusals: {
        ...amiss,
        unusual: [
          { integration: null, refused: 30, webhooks: 40, usualShare: 0 },
          { integration: 'shop', refused: 30, webhooks: 30, usualShare: 0 },
        ],
      },
      silence: { ...amiss, silent: [{ integration: 'mail', lastEventAt: at, longestMs: 1 }] },
    } as const;
    const health = { status: 'degraded', reasons: [], checks } as unknown as Parameters<typeof reasonsOf>[0];
    const nowMs = Date.parse(at) + 5 * MINUTE_MS;
    for (const language of ['en', 'pt'] as const) {
      const view = { language, formats: formats(language, 'UTC'), nowMs };
      const reasons = reasonsOf(health, view);
      expect(reasons).toHaveLength(13);
      for (const name of ['EVENTS_CRM', 'late', 'unbound', 'EVENTS_UNBOUND', 'forgotten']) {
        expect(reasons.join()).toContain(name);
      }
      expect(reasons.join()).not.toContain('fine');
      expect(reasons.join()).toContain('95%');
      expect(reasons.join()).toContain(language === 'en' ? '5m' : '5 min');
    }
  });
});

describe('the counts', () => {
  beforeEach(async () => {
    const ofMessage = (name: string) => (body: Body) => {
      body.message.messageId = name;
      body.event.messageId = name;
    };
    for (const status of ['sent', 'delivered', 'read', 'failed']) {
      const body = statusBody(ofMessage(`m-${status}`));
      body.event.status = status;
      await delivered(body);
    }
    await delivered(responseText);
    await delivered(responseText);
    await deliver('{}');
    await idle();
    await allForwarded();
    await env.PROBE.runCron();
  });

  it('are shown as figures, each with a link to its list', async () => {
    const page = await browser.page('/?period=hour');
    expect(figure(page, '/events?since=')).toBe('5');
    expect(figure(page, '/routes')).toBe('0');
    expect(figure(page, '/events?deferred=true')).toBe('0');
    expect(figure(page, '/rejections?since=')).toBe('1');
    expect(figure(page, '/refusals?period=hour')).toBe('1');
    expect(figure(page, '/dead-letters')).toBe('0');
    const links = [...page.matchAll(/<a href="([^"]+)"><strong>/g)].map(([, href = '']) =>
      href.replaceAll('&amp;', '&'),
    );
    expect(links).toHaveLength(6);
    for (const href of links) expect((await browser.get(href)).status).toBe(200);
  });

  it('show what waits, what was deferred and what consumers gave up on', async () => {
    await inject({ events: { kind: 'reject' }, d1: { kind: 'reject', times: 1, on: 'INSERT INTO events' } });
    const { answer } = await delivered(uniqueResponse());
    expect(answer.outcome).toBe('deferred');
    await eventually('it is stored', async () => (await countRows('events')) === 6);
    await env.PROBE.consumeDeadLetters([{ id: 'x:y:response', source: '/webhooks/shop' }]);
    await env.PROBE.runCron();
    await inject({});
    const page = await browser.page('/');
    expect(figure(page, '/routes')).toBe('1');
    expect(figure(page, '/events?deferred=true')).toBe('1');
    expect(figure(page, '/dead-letters')).toBe('1');
  });

  it('name the route that is furthest behind', async () => {
    await addFurtherRoutes({ crm: {}, desk: {} });
    await inject({ crm: { kind: 'reject' } });
    await delivered(uniqueResponse());
    await allForwarded();
    await idle();
    await inject({ crm: { kind: 'reject' }, desk: { kind: 'reject' } });
    await delivered(uniqueResponse());
    await allForwarded();
    await idle();
    const page = await browser.page('/');
    expect(figure(page, '/routes')).toBe('3');
    expect(textOf(page)).toMatch(/waiting to be forwarded the oldest for \d+m?s, on crm/);
  });

  it('have the funnel, and the messages that failed', async () => {
    const text = textOf(await browser.page('/'));
    expect(text).toContain('Sent 1 Delivered 1 100% of the step before Read 1 100% of the step before');
    expect(text).toContain('Replied 1 100% of the step before');
    expect(text).toContain('1 could not be sent');
  });

  it.each([
    ['hour', '1m'],
    ['day', '15m'],
    ['week', '1h'],
    ['nonsense', '15m'],
  ])('are for the period that is asked for: %s', async (period) => {
    const page = await browser.page(`/?period=${period}`);
    const shown = period === 'nonsense' ? 'day' : period;
    expect(page).toContain(`?period=${shown}" aria-current="true"`);
    expect(page.match(/aria-current="true"/g)).toHaveLength(1);
  });

  it('cost as many rows with a hundred thousand events as with a few', async () => {
    const cost = async () => {
      const before = (await seen()).statements.length;
      await browser.page('/');
      const statements = (await seen()).statements.slice(before);
      return {
        statements: statements.length,
        rows: statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
      };
    };
    const few = await cost();
    await storeEvents({ count: 100_000, firstSeq: (Date.now() - 60 * MINUTE_MS) * 1000 });
    await env.DB.prepare(
      "UPDATE progress SET seq = (SELECT max(seq) FROM events) WHERE task = 'counters'",
    ).run();
    const many = await cost();
    expect(many.statements).toBe(few.statements);
    expect(many.statements).toBeLessThanOrEqual(11); // four of them about routes: their health and how far they are
    expect(many.rows).toBeLessThan(few.rows + 50);
  });
});

describe('the chart', () => {
  const point = (start: string, received: number, responses: number) =>
    ({ start, received, responses }) as Parameters<typeof pointsOf>[0]['series'][number];

  it('shows rates per minute, the last step by the part of it that is counted', () => {
    const points = pointsOf({
      step: '15m',
      countedUntil: '2026-03-01T00:20:00.000Z',
      series: [
        point('2026-03-01T00:00:00.000Z', 30, 15),
        point('2026-03-01T00:15:00.000Z', 30, 10),
        point('2026-03-01T00:30:00.000Z', 0, 0),
      ],
    });
    expect(points.map(({ replies, statuses }) => [replies, statuses])).toEqual([
      [1, 1],
      [2, 4],
    ]);
  });

  it('leaves out what is less than a minute', () => {
    const series = [point('2026-03-01T00:00:00.000Z', 1, 1)];
    expect(pointsOf({ step: '1m', countedUntil: '2026-03-01T00:00:40.000Z', series })).toEqual([]);
  });
});

describe('the newest events', () => {
  it('say who, what and when, in words', async () => {
    await delivered(responseText);
    const text = textOf(await browser.page('/'));
    expect(text).toMatch(/\+55 44 99999-9999 Maria da Silva sent a document: Mensagem de teste .*shop \d/);
    expect(textOf(await (await signedIn(READ_TOKEN, 'pt')).page('/'))).toContain('enviou um documento');
  });

  it('go on live after the newest that is shown', async () => {
    await delivered(responseText);
    const page = await browser.page('/');
    const place = await env.DB.prepare('SELECT seq FROM events').first<number>('seq');
    expect(page).toContain(`id="event-${place}"`);
    expect(page).toContain(`sse-connect="/live/events?since=${place}"`);
  });
});

describe('the live stream', () => {
  /** Reads a stream up to a text. */
  async function readUntil(response: Response, text: string): Promise<string> {
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const decoder = new TextDecoder();
    let read = '';
    while (!read.includes(text)) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`ended without ${text}: ${read}`);
      read += decoder.decode(value, { stream: true });
    }
    await reader.cancel();
    return read;
  }

  it('has each new event as a row, in the language of the reader, with its place', async () => {
    const { answer } = await delivered(responseText);
    const place = await env.DB.prepare('SELECT seq FROM events').first<number>('seq');
    const response = await browser.get('/live/events?since=1');
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const read = await readUntil(response, '</li>');
    expect(read).toContain(`retry: 1000\n\nid: ${place}\nevent: row\ndata: <li id="event-${place}"`);
    expect(read).toContain('sent a document');
    expect(read).toContain(encodeURIComponent(answer.id));
  });

  it('goes on after the last event that was seen', async () => {
    await delivered(uniqueResponse(5, 'first-'));
    const place = await env.DB.prepare('SELECT max(seq) AS seq FROM events').first<number>('seq');
    await delivered(uniqueResponse(5, 'second-'));
    const read = await readUntil(
      await browser.get('/live/events?since=1', { 'last-event-id': String(place) }),
      '</li>',
    );
    expect(read).toContain('second-');
    expect(read).not.toContain('first-');
  });

  it('keeps line breaks, and texts that look like a field of the stream, within the data of their event', async () => {
    await delivered(
      responseBody((body) => {
        body.message.message = 'one\n\nid: 9\nevent: forged\ndata: <b>\u2028\r\rtwo';
        body.message.mediaType = 'text';
        body.message.mediaData = null;
      }),
    );
    const read = await readUntil(await browser.get('/live/events?since=1'), '</li>');
    const names = read.split('\n').filter((line) => line.startsWith('event:'));
    expect(names).toEqual(['event: row']);
    expect(read).toContain('&lt;b&gt;');
    expect(read).not.toMatch(/\r/);
    expect(read).toContain('data: two</bdi>');
  });

  it.each(['type=nonsense', 'since=tomorrow', 'nothing=1'])(
    'refuses what it does not know: %s',
    async (query) => {
      expect((await browser.get(`/live/events?${query}`)).status).toBe(400);
    },
  );
});
