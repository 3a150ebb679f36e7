// The page of the audit trail: every change in words.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { auditActionTexts } from '../../src/dashboard/audit/texts.ts';
import { LANGUAGES } from '../../src/dashboard/frame/language.ts';
import { AUDIT_ACTIONS, type AuditAction, recordAudit } from '../../src/store/audit.ts';
import { keepRejection } from '../store/stored-rejections.ts';
import { api, delivered, reset, responseBody } from '../webhooks.ts';
import { costOf, expectEscaped, formsOf, HOSTILE, textOf } from './page-text.ts';
import { type Browser, READ_TOKEN, signedIn } from './signed-in.ts';

let operator: Browser;

beforeEach(async () => {
  await reset({ READ_TOKEN });
  operator = await signedIn();
});

async function record(
  action: AuditAction,
  object: string,
  {
    detail = {},
    actor = 'admin-token',
    atMs = Date.now(),
  }: { detail?: object; actor?: string; atMs?: number } = {},
): Promise<void> {
  await recordAudit(env.DB, { actor, action, object, detail: { ...detail }, atMs });
}

describe('the words of audit entries', () => {
  it.each(LANGUAGES)('are there for every action, and differ: %s', (language) => {
    const words = AUDIT_ACTIONS.map((action) => auditActionTexts(language)[action]);

    expect(words.every(Boolean)).toBe(true);
    expect(new Set(words).size).toBe(AUDIT_ACTIONS.length);
  });

  it.each([
    ['admin-token', 'token de administrador criou a integração shop'],
    ['access:ana@example.com', 'ana@example.com criou a integração shop'],
    ['access-service:ci', 'serviço ci criou a integração shop'],
    ['command-line:root', 'root, pela linha de comando criou a integração shop'],
    ['somebody', 'somebody criou a integração shop'],
  ])('name the actor: %s', async (actor, words) => {
    await record('integration.create', 'shop', { actor });

    expect(textOf(await (await signedIn(undefined, 'pt')).page('/audit'))).toContain(words);
  });

  it('name the object, linked to its page where it has one', async () => {
    await record('integration.rotate', 'shop');
    await record('event.replay', 'shop/m1:e1:status:read');
    await record('replay.cancel', '1772330400000123');
    await record('route.pause', 'crm');
    await record('route.delete', 'desk');
    await record('rejection.retry', '17');
    await record('dead-letter.discard', '18');
    await record('rejection.retry-many', '*');
    await record('contact.erase', 'receipt-1', { detail: { stage: 'finished', events: 3 } });
    const page = await operator.page('/audit');

    expect(page).toContain('href="/integrations/shop"');
    expect(page).toContain('href="/events/shop/m1%3Ae1%3Astatus%3Aread"');
    expect(page).toContain('href="/replays/1772330400000123"');
    expect(page).toContain('href="/routes/crm"');
    expect(page).not.toContain('href="/routes/desk"');
    expect(page).toContain('href="/rejections/17"');
    expect(page).not.toContain('href="/dead-letters/18"');
    expect(textOf(page)).toContain('tried rejections again: all integrations');
    expect(textOf(page)).toContain('erased a person’s data: receipt receipt-1 stage: finished · events: 3');
  });

  it('tell the details of a change', async () => {
    await record('integration.update', 'shop', {
      detail: {
        allowedIps: ['10.0.0.1', '10.0.0.2'],
        description: null,
        requireSignature: true,
        onRejection: 'accept',
      },
    });
    await record('rejection.delete', '17', {
      detail: { integration: 'shop', reason: 'not-json', news: [1] },
    });
    await record('dead-letter.redrive-many', 'shop', {
      detail: { type: 'status', since: '2026-03-01T03:00:00.000Z', done: 1_200 },
    });

    const text = textOf(await operator.page('/audit'));
    expect(text).toContain(
      'allowed addresses: 10.0.0.1, 10.0.0.2 · description: cleared · signature required: yes · answer to rejections: 202',
    );
    expect(text).toContain('integration: shop · reason: is not JSON · news: [1]');
    expect(text).toContain('type: status · from: Mar 1, 2026, 12:00:00 AM · done: 1,200');
    const brazilian = textOf(await (await signedIn(undefined, 'pt')).page('/audit'));
    expect(brazilian).toContain('integração: shop · motivo: não é JSON · news: [1]');
  });

  it('tell which events go to a route, and where it begins', async () => {
    const filter = { integrations: ['shop'], types: ['status'], statuses: ['read', 'failed'] };
    await record('route.create', 'crm', { detail: { filter, from: 'oldest' } });
    await record('route.create', 'desk', { detail: { filter: {}, from: '2026-03-01T03:00:00.000Z' } });
    await record('route.update', 'crm', { detail: { filter: { nothing: 'known' } } });

    const text = textOf(await operator.page('/audit'));
    expect(text).toContain(
      'added the route crm which events: shop · status · read , failed · begins: at the oldest event',
    );
    expect(text).toContain(
      'added the route desk which events: all events · begins: Mar 1, 2026, 12:00:00 AM',
    );
  });

  it('have a name for every detail that the API writes', async () => {
    await api('POST', '/api/routes', { name: 'crm', filter: { types: ['response'] } });
    await api('PATCH', '/api/routes/crm', { filter: {} });
    await api('POST', '/api/replay', { route: 'crm', all: true });
    await api('POST', '/api/integrations', { slug: 'mail' });
    await api('PATCH', '/api/integrations/mail', { description: 'x' });
    await api('POST', '/api/integrations/mail/rotate', {});
    await api('DELETE', '/api/integrations/mail');
    await delivered(responseBody());
    await api('POST', '/api/replay', {
      integration: 'shop',
      since: '2026-01-01T00:00:00Z',
      contact: '44999999999',
    });
    const id = await keepRejection('{}');
    await api('POST', '/api/rejections/retry', { integration: 'shop' });
    await api('POST', `/api/rejections/${id}/retry`);
    await api('POST', '/api/dead-letters/redrive', { all: true });
    await api('POST', '/api/dead-letters/discard', { type: 'status' });
    await api('DELETE', '/api/contacts/+5544999999999');
    const { results } = await env.DB.prepare('SELECT DISTINCT key FROM audit, json_each(audit.detail)').run<{
      key: string;
    }>();
    const keys = results.map(({ key }) => key);
    const text = textOf(await (await signedIn(undefined, 'pt')).page('/audit'));

    expect(keys.length).toBeGreaterThan(15);
    for (const key of keys.filter((key) => key !== 'status')) expect(text).not.toContain(`${key}:`);
  });
});

describe('the list of the audit trail', () => {
  it('is filtered by its address', async () => {
    await record('integration.enable', 'shop', { atMs: Date.parse('2026-03-01T12:30:00Z') });
    await record('integration.enable', 'mail', { actor: 'access:ana@example.com' });
    await record('rejection.delete', '17');
    const rows = async (query: string) =>
      (await operator.page(`/audit?${query}`)).split('<li class="row').length - 1;

    expect(await rows('')).toBe(3);
    expect(await rows('action=integration.enable')).toBe(2);
    expect(await rows('object=shop')).toBe(1);
    expect(await rows('actor=access:ana@example.com')).toBe(1);
    expect(await rows('until=2026-03-01T09:31')).toBe(1); // São Paulo is three hours behind
    expect(textOf(await operator.page('/audit?object=nobody'))).toContain('Nothing matches.');
    expect((await operator.get('/audit?action=nothing')).status).toBe(400);
  });

  it('has a next page, and reads only the rows that it shows', async () => {
    for (let n = 0; n < 60; n++) await record('rejection.delete', String(n));
    const first = await operator.page('/audit');
    const [, next = ''] = /hx-get="([^"]*)" hx-trigger="revealed"/.exec(first) ?? [];
    expect(first.split('<li class="row')).toHaveLength(51);
    expect((await operator.page(next)).split('<li class="row')).toHaveLength(11);

    const { statements, rowsRead } = await costOf(async () => operator.page('/audit'));
    expect(statements).toBe(1);
    expect(rowsRead).toBeLessThanOrEqual(4 * 50);
  });

  it('shows hostile texts as text', async () => {
    await record('integration.update', HOSTILE, {
      actor: HOSTILE,
      detail: { [HOSTILE]: HOSTILE, description: HOSTILE },
    });

    expectEscaped(await operator.page('/audit'));
  });

  it('is the same for readers', async () => {
    await record('integration.enable', 'shop');
    const page = await (await signedIn(READ_TOKEN)).page('/audit');

    expect(textOf(page)).toContain('admin token enabled the integration shop');
    expect([...formsOf(page).keys()]).toEqual([]);
  });
});
