// The pages of rejections: what they say, and what their forms do.

import { beforeEach, describe, expect, it } from 'vitest';
import { problemAt } from '../../src/contract/problems.ts';
import { keepRejection, storeRejections } from '../store/stored-rejections.ts';
import {
  ask,
  countRows,
  deliver,
  eventually,
  forwardedEvents,
  inject,
  onlyOne,
  register,
  reset,
  responseBody,
} from '../webhooks.ts';
import { costOf, expectEscaped, formsOf, HOSTILE, locationOf, textOf } from './page-text.ts';
import { type Browser, READ_TOKEN, signedIn } from './signed-in.ts';

let operator: Browser;

beforeEach(async () => {
  await reset({ READ_TOKEN });
  operator = await signedIn();
});

describe('the list of rejections', () => {
  it('says why each was rejected, in the language of the reader', async () => {
    await deliver(
      responseBody((body) => {
        body.event.messageId = '';
        delete body.message.messageId;
      }),
    );

    expect(textOf(await operator.page('/rejections'))).toContain(
      'shop breaks the contract: event.messageId must not be empty and 1 more',
    );
    const brazilian = await signedIn(undefined, 'pt');
    expect(textOf(await brazilian.page('/rejections'))).toContain(
      'foge do contrato: event.messageId não pode ficar vazio e mais 1',
    );
  });

  it('says only that a body cannot be read, and how often it came', async () => {
    await deliver('{');
    await deliver('{');

    const page = await operator.page('/rejections');
    expect(textOf(page)).toContain('shop cannot be read as JSON delivered 2 times 1 byte');
    expect(textOf(page)).not.toContain('is not JSON: ');
  });

  it('distinguishes the acknowledged from the refused, as their pages do', async () => {
    await keepRejection('{"a":1}');
    const id = await keepRejection('{"a":2}', { deferred: true });

    const rows = (await operator.page('/rejections')).split('<li class="row"').slice(1);
    expect(rows.map((row) => row.includes('>acknowledged<'))).toEqual([true, false]);
    expect(textOf(await operator.page(`/rejections/${id}`))).toContain(
      'the platform was told that it was taken',
    );
  });

  it('shows the original message of a problem that has no words today, marked as English', async () => {
    await keepRejection(
      {},
      { problems: [problemAt('message.to', 'other', { message: 'was not liked then' })] },
    );

    expect(await operator.page('/rejections')).toContain('lang="en">was not liked then</bdi>');
  });

  it('is filtered by its address, with local times', async () => {
    await keepRejection('{"a":1}', { nowMs: Date.parse('2026-03-01T12:30:00Z') });
    await keepRejection('{"b":1}', {
      nowMs: Date.parse('2026-03-01T13:30:00Z'),
      reason: 'wrong-application',
    });
    const rows = async (query: string) =>
      (await operator.page(`/rejections?${query}`)).split('<li class="row"').length - 1;

    expect(await rows('')).toBe(2);
    expect(await rows('reason=wrong-application')).toBe(1);
    expect(await rows('integration=nobody')).toBe(0);
    expect(await rows('since=2026-03-01T10:00')).toBe(1); // São Paulo is three hours behind
    expect(await rows('since=2026-03-01T10:00:00Z')).toBe(2);
    expect(await operator.page('/rejections?since=2026-03-01T13:00:00Z')).toContain(
      'value="2026-03-01T10:00"',
    );
  });

  it('says which filter is not valid, and keeps the others', async () => {
    const response = await operator.get('/rejections?integration=shop&since=yesterday');
    const page = await response.text();

    expect(response.status).toBe(400);
    expect(textOf(page)).toContain('since must be a date and time by ISO 8601');
    expect(page).toContain('name="integration" value="shop"');
  });

  it('has a next page', async () => {
    await storeRejections({ count: 60 });
    const first = await operator.page('/rejections');
    const [, next = ''] = /hx-get="([^"]*)" hx-trigger="revealed"/.exec(first) ?? [];
    const second = await operator.page(next);

    expect(first.split('<li class="row"')).toHaveLength(51);
    expect(second.split('<li class="row"')).toHaveLength(11);
    expect(second).not.toContain('hx-trigger="revealed"');
  });

  it('costs one statement and reads only the rows that it shows', async () => {
    await storeRejections({ count: 2_000 });
    const { statements, rowsRead } = await costOf(async () => operator.page('/rejections'));

    expect(statements).toBe(1);
    expect(rowsRead).toBeLessThanOrEqual(4 * 50);
  });
});

describe('a rejection', () => {
  it('is shown with all of its problems, and its body as a tree and as it came', async () => {
    const id = await keepRejection('{"event": {"type": "answer"}}', {
      problems: [
        problemAt('event.type', 'not-one-of', { values: ['response', 'status'] }),
        problemAt('message', 'required'),
      ],
    });
    const page = await operator.page(`/rejections/${id}`);

    expect(textOf(page)).toContain('event.type must be one of response, status message is missing');
    expect(page).toContain('{&quot;event&quot;: {&quot;type&quot;: &quot;answer&quot;}}');
  });

  it('shows a body that is not text as bytes, and offers it as it came', async () => {
    const bytes = new Uint8Array([0x7b, 0xff, 0x00, 0x41]);
    await deliver(bytes);
    const { answer } = await ask('/api/rejections');
    const path = `/rejections/${onlyOne(answer.data).id}`;
    const download = await operator.get(`${path}/body`);

    expect(textOf(await operator.page(path))).toContain('It is not text. Its bytes: 0000 7b ff 00 41');
    expect(new Uint8Array(await download.arrayBuffer())).toEqual(bytes);
    expect(download.headers.get('content-type')).toBe('application/octet-stream');
    expect(download.headers.get('content-disposition')).toMatch(/^attachment; /);
    expect(download.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('shows a large body only in part', async () => {
    const id = await keepRejection('x'.repeat(900_000));
    const page = await operator.page(`/rejections/${id}`);

    expect(page.length).toBeLessThan(60_000);
    expect(textOf(page)).toContain('The first 20,000 characters of 900,000.');
  });

  it('shows hostile texts as text', async () => {
    const id = await keepRejection(JSON.stringify({ [HOSTILE]: HOSTILE }), {
      problems: [problemAt(HOSTILE, 'other', { message: HOSTILE })],
    });

    expectEscaped(await operator.page(`/rejections/${id}`));
    expectEscaped(await operator.page('/rejections'));
    expectEscaped(
      await operator.page(`/rejections?done=stored&of=shop&event=${encodeURIComponent(HOSTILE)}`),
    );
  });

  it.each(['/rejections/7', '/rejections/7/body', '/rejections/x'])(
    'is not found where there is none: %s',
    async (path) => {
      expect((await operator.get(path)).status).toBe(404);
    },
  );
});

describe('trying a rejection again', () => {
  it('makes it an event and leads to that', async () => {
    const id = await keepRejection(responseBody());
    const response = await operator.post(`/rejections/${id}/retry`);
    const page = await operator.page(locationOf(response));

    expect(textOf(page)).toContain(
      'It was let in and is an event now: 5e178088a88ad9001b6e1914:i3i4321d:response',
    );
    expect(page).toContain('href="/events/shop/5e178088a88ad9001b6e1914%3Ai3i4321d%3Aresponse"');
    expect(await countRows('rejections')).toBe(0);
    await eventually('it is forwarded', async () => (await forwardedEvents()).length === 1);
    expect((await ask('/api/audit')).answer.data[0]).toMatchObject({
      actor: 'admin-token',
      action: 'rejection.retry',
      object: id,
    });
  });

  it('says that its event was there already', async () => {
    await deliver(responseBody());
    const id = await keepRejection(responseBody());

    expect(textOf(await operator.page(locationOf(await operator.post(`/rejections/${id}/retry`))))).toContain(
      'Its event was there already',
    );
  });

  it('shows the problems of today where it is still rejected', async () => {
    const id = await keepRejection(responseBody((body) => (body.message.messageId = '')));
    const response = await operator.post(`/rejections/${id}/retry`);

    expect(response.status).toBe(422);
    expect(textOf(await response.text())).toMatch(
      /It is still rejected.* message.messageId must not be empty/,
    );
    expect(await countRows('rejections')).toBe(1);
  });

  it('shows why the registration refuses it', async () => {
    await register('shop', { enabled: 0 });
    const id = await keepRejection(responseBody());
    const response = await operator.post(`/rejections/${id}/retry`);

    expect(response.status).toBe(409);
    expect(textOf(await response.text())).toContain('the integration is disabled');
  });

  it('says that it is gone, or that the database fails', async () => {
    expect((await operator.post('/rejections/7/retry')).status).toBe(404);
    const id = await keepRejection(responseBody());
    await inject({ d1: { kind: 'reject', on: 'INSERT' } });
    const response = await operator.post(`/rejections/${id}/retry`);

    expect(response.status).toBe(503);
    expect(textOf(await response.text())).toContain('The database does not answer');
  });
});

describe('trying all rejections again', () => {
  it('tries those that match, and says what became of them', async () => {
    await keepRejection(responseBody(), { reason: 'wrong-application' });
    await keepRejection(
      responseBody((body) => (body.message.from = 'x')),
      { reason: 'wrong-application' },
    );
    await keepRejection('{}');
    const forms = formsOf(await operator.page('/rejections?reason=wrong-application'));
    const fields = forms.get('/rejections/retry');
    expect(fields).toEqual({ reason: 'wrong-application' });
    const location = locationOf(await operator.post('/rejections/retry', fields));

    expect(textOf(await operator.page(location))).toContain(
      'Tried again: 2. Events now: 1; there already: 0; still rejected: 1.',
    );
    expect(new URL(location, 'http://here').searchParams.get('reason')).toBe('wrong-application');
    expect(await countRows('rejections')).toBe(2);
    expect((await ask('/api/audit')).answer.data[0]).toMatchObject({
      action: 'rejection.retry-many',
      detail: { reason: 'wrong-application', retried: 2 },
    });
  });

  it('goes on in further requests, and adds up what each of them did', async () => {
    await storeRejections({ count: 1_600, body: `'{"n":' || i || '}'` });
    const first = await operator.post('/rejections/retry', { integration: 'shop' });
    const page = await first.text();
    const fields = formsOf(page).get('/rejections/retry') ?? {};

    expect(first.status).toBe(200);
    expect(page).toContain('data-go-on');
    expect(fields).toMatchObject({ integration: 'shop', retried: '1200', rejected: '1200' });
    expect(Number(fields.cursor)).toBeGreaterThan(0);
    const location = locationOf(await operator.post('/rejections/retry', fields));
    expect(textOf(await operator.page(location))).toContain('Tried again: 1,600.');
  });

  it('offers to go on when it is interrupted, but does not go on by itself', async () => {
    await keepRejection(responseBody());
    await inject({ d1: { kind: 'reject', on: 'rejections' } });
    const response = await operator.post('/rejections/retry', { cursor: '5', retried: '3' });
    const page = await response.text();

    expect(response.status).toBe(503);
    expect(page).not.toContain('data-go-on');
    expect(formsOf(page).get('/rejections/retry')).toMatchObject({ cursor: '5', retried: '3' });
  });

  it('is never begun by following a link', async () => {
    await keepRejection('{}');
    expect(await operator.page('/rejections?cursor=5&retried=3')).not.toContain('data-go-on');
    expect((await operator.get('/rejections/retry')).status).toBe(404);
  });
});

describe('deleting a rejection', () => {
  it('is confirmed, and done', async () => {
    const id = await keepRejection('{}');
    const page = await operator.page(`/rejections/${id}/delete`);
    expect(await countRows('rejections')).toBe(1);
    expect([...formsOf(page).keys()]).toEqual([`/rejections/${id}/delete`]);

    const location = locationOf(await operator.post(`/rejections/${id}/delete`));
    expect(textOf(await operator.page(location))).toContain('The rejection was deleted.');
    expect(await countRows('rejections')).toBe(0);
    expect((await ask('/api/audit')).answer.data[0]).toMatchObject({
      action: 'rejection.delete',
      object: id,
    });
  });
});

describe('readers', () => {
  it('see every page, and are offered and allowed no change', async () => {
    const reader = await signedIn(READ_TOKEN);
    const id = await keepRejection(responseBody());

    expect([...formsOf(await reader.page('/rejections')).keys()]).toEqual([]);
    expect([...formsOf(await reader.page(`/rejections/${id}`)).keys()]).toEqual([]);
    expect((await reader.get(`/rejections/${id}/delete`)).status).toBe(403);
    for (const path of ['retry', `${id}/retry`, `${id}/delete`]) {
      const response = await reader.post(`/rejections/${path}`);
      expect(response.status, path).toBe(403);
      expect(textOf(await response.text())).toContain('changes need the admin token');
    }
    expect(await countRows('rejections')).toBe(1);
    expect(await countRows('events')).toBe(0);
  });
});
