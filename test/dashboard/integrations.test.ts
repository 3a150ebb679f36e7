// The pages of integrations: what they say, and what their forms do.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { shellQuoted } from '../../src/dashboard/integrations/curl.ts';
import { storeDeadLetters } from '../store/stored-dead-letters.ts';
import { storeEvents } from '../store/stored-events.ts';
import { keepRejection } from '../store/stored-rejections.ts';
import { ask, countRows, heldBack, inject, ORIGIN, register, reset, tokenOf } from '../webhooks.ts';
import { costOf, expectEscaped, formsOf, HOSTILE, locationOf, textOf } from './page-text.ts';
import { type Browser, READ_TOKEN, signedIn } from './signed-in.ts';

let operator: Browser;

beforeEach(async () => {
  await reset({ READ_TOKEN });
  operator = await signedIn();
});

const APP = '5e138ee5d53f5b001b96fa54';
const FORM = {
  slug: 'loja-sul',
  appId: APP,
  description: 'Loja do Sul',
  allowedIps: ' 10.0.0.0/8 \r\n\r\n2001:db8::1\r\n',
  requireSignature: 'yes',
  acceptRejections: 'yes',
};

async function find(slug: string) {
  return (await ask(`/api/integrations/${slug}`)).answer;
}

async function lastChange() {
  return (await ask('/api/audit?limit=1')).answer.data[0];
}

describe('the list of integrations', () => {
  it('says of each whether it takes webhooks, from whom, and when the last one came', async () => {
    await register('shop', {
      generation: 3,
      enabled: 0,
      appId: APP,
      allowedIps: ['10.0.0.1', '10.0.0.2'],
      requireSignature: true,
      previous: [{ generation: 2, untilMs: Date.now() + 60_000 }],
    });
    await register('mail');
    await env.DB.prepare("UPDATE integrations SET last_event_at = 1772330400000 WHERE slug = 'mail'").run();

    const text = textOf(await operator.page('/integrations'));
    expect(text).toContain(
      `shop Application ${APP} disabled old URL still works allowed addresses: 2 signed URL no. 3 no event yet`,
    );
    expect(text).toContain('mail enabled URL no. 1 Feb 28, 11:00 PM');
    const brazilian = textOf(await (await signedIn(undefined, 'pt')).page('/integrations'));
    expect(brazilian).toContain('desativada URL antiga ainda vale endereços permitidos: 2 assinada URL nº 3');
  });

  it('costs one statement', async () => {
    expect(await costOf(async () => operator.page('/integrations'))).toMatchObject({ statements: 1 });
  });
});

describe('a new integration', () => {
  it('is created by its form, and has its URL to register', async () => {
    expect([...formsOf(await operator.page('/integrations/_new')).keys()]).toEqual(['/integrations/_new']);
    const location = locationOf(await operator.post('/integrations/_new', FORM));
    const text = textOf(await operator.page(location));

    expect(location).toBe('/integrations/loja-sul?done=created');
    expect(text).toContain('The integration was created. Register its URL with the platform.');
    expect(text).toContain(`${ORIGIN}/webhooks/loja-sul/${await tokenOf('loja-sul')}`);
    expect(await find('loja-sul')).toMatchObject({
      appId: APP,
      description: 'Loja do Sul',
      allowedIps: ['10.0.0.0/8', '2001:db8::1'],
      requireSignature: true,
      onRejection: 'accept',
    });
    expect(text).toContain('Answer to rejections 202, with what is wrong');
    expect(await lastChange()).toMatchObject({
      actor: 'admin-token',
      action: 'integration.create',
      object: 'loja-sul',
    });
  });

  it('needs only a name', async () => {
    const form = { slug: 'new', appId: '', description: ' ', allowedIps: '\r\n' };
    locationOf(await operator.post('/integrations/_new', form));

    expect(await find('new')).toMatchObject({
      appId: null,
      description: null,
      allowedIps: null,
      requireSignature: false,
    });
    expect(textOf(await operator.page('/integrations/new'))).toContain('URL to register');
  });

  it('is refused with what is wrong beside each field, and keeps what was typed', async () => {
    const wrong = {
      slug: 'Loja Sul',
      appId: 'x'.repeat(300),
      description: 'x'.repeat(501),
      allowedIps: '10.0.0.1\r\n\r\n10.0.0.256',
      requireSignature: 'yes',
    };
    const brazilian = await signedIn(undefined, 'pt');
    const response = await brazilian.post('/integrations/_new', wrong);
    const page = await response.text();
    const text = textOf(page);

    expect(response.status).toBe(422);
    expect(text).toContain('Nada foi salvo');
    expect(text).toContain('Nome na URL deve ter de 3 a 64 letras minúsculas, dígitos e hifens');
    expect(text).toContain('Descrição deve ter no máximo 500 caracteres');
    expect(text).toContain('Aplicação deve ter no máximo 256 caracteres');
    expect(text).toContain('Linha 3: 10.0.0.256 deve ser um endereço ou faixa CIDR de IPv4 ou IPv6');
    expect(page.match(/aria-invalid="true"/g)).toHaveLength(4);
    expect(page).toContain('value="Loja Sul"');
    expect(page).toMatch(/<textarea [^>]*>\n10\.0\.0\.1\r\n\r\n10\.0\.0\.256<\/textarea>/);
    expect(page).toMatch(/name="requireSignature" value="yes" checked/);
    expect(await countRows('integrations')).toBe(1);
  });

  it('is refused where its name is taken, or where there are as many as there can be', async () => {
    const taken = await operator.post('/integrations/_new', { ...FORM, slug: 'shop' });
    expect(taken.status).toBe(409);
    const page = await taken.text();
    expect(textOf(page)).toContain('There is an integration of this name already.');
    expect(page).toContain('value="Loja do Sul"');

    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
       INSERT INTO integrations (slug, created_at) SELECT 'shop-' || i, 0 FROM n`,
    ).run();
    const full = await operator.post('/integrations/_new', FORM);
    expect(full.status).toBe(409);
    expect(textOf(await full.text())).toContain('as many integrations as there can be');
  });

  it('shows hostile texts that were typed as text', async () => {
    const response = await operator.post('/integrations/_new', {
      slug: HOSTILE,
      description: HOSTILE,
      appId: HOSTILE,
      allowedIps: `</textarea>${HOSTILE}`,
    });
    const page = await response.text();

    expect(response.status).toBe(422);
    expectEscaped(page);
    expect(page.match(/<\/textarea>/g)).toHaveLength(1);
  });
});

describe('an integration', () => {
  it('tells what to type into the form of the platform, and other ways to authenticate', async () => {
    await register('shop', { appId: APP });
    const page = await operator.page('/integrations/shop');
    const text = textOf(page);
    const token = await tokenOf('shop');

    expect(text).toContain(`Application ${APP} URL the one above, whole Method POST Headers none`);
    expect(text).toContain(`URL without the token ${ORIGIN}/webhooks/shop Copy`);
    expect(text).toContain(`Authorization: Bearer ${token} Copy`);
    expect(page).toContain('href="/events?integration=shop"');
    expect(page).not.toContain('whsec_');
  });

  it.each([
    ['', {}],
    [', signed', { requireSignature: true, appId: 'it\'s; rm -rf $HOME `x` "y"' }],
  ])('has a cURL that delivers an event, another each time%s', async (_, registration) => {
    await register('shop', registration);
    const first = wordsOfShell(commandIn(await operator.page('/integrations/shop')));
    const second = wordsOfShell(commandIn(await operator.page('/integrations/shop')));
    const send = async ([curl, url = '', ...options]: string[]) => {
      expect(curl).toBe('curl');
      const headers = options.flatMap((option, index) => (options[index - 1] === '-H' ? [option] : []));
      return env.RECEIVER.fetch(url, {
        method: 'POST',
        body: options.at(-1) ?? '',
        headers: Object.fromEntries(headers.map((header) => header.split(/: (.*)/s).slice(0, 2))),
      });
    };

    for (const command of [first, second]) {
      const response = await send(command);
      expect(await response.json()).toMatchObject({ outcome: 'stored' });
    }
    expect(await countRows('events')).toBe(2);
  });

  it('shows the signing secret where signatures are required', async () => {
    await register('shop', { requireSignature: true });
    const text = textOf(await operator.page('/integrations/shop'));

    expect(text).toContain(`Signing secret ${(await find('shop')).signingSecret} Copy`);
    expect(text).toContain('The platform does not sign.');
  });

  it('shows hostile texts as text', async () => {
    await register('shop', { appId: HOSTILE });
    await env.DB.prepare('UPDATE integrations SET description = ?1').bind(HOSTILE).run();

    expectEscaped(await operator.page('/integrations/shop'));
    expectEscaped(await operator.page('/integrations'));
  });

  it('is answered 404 where there is none, whatever is asked of it', async () => {
    for (const path of ['', '/delete']) {
      expect((await operator.get(`/integrations/nobody${path}`)).status).toBe(404);
    }
    for (const path of ['', '/rotate', '/enable', '/disable']) {
      const form = { overlapHours: '1' };
      expect((await operator.post(`/integrations/nobody${path}`, form)).status, path).toBe(404);
    }
    expect((await operator.post('/integrations/nobody/delete', { confirm: 'nobody' })).status).toBe(404);
  });

  it('costs one statement', async () => {
    expect(await costOf(async () => operator.page('/integrations/shop'))).toEqual({
      statements: 1,
      rowsRead: 3,
    });
  });
});

describe('the settings of an integration', () => {
  it('are saved by their form, and cleared where it is empty', async () => {
    const { slug: _, ...settings } = FORM;
    const location = locationOf(await operator.post('/integrations/shop', settings));
    expect(textOf(await operator.page(location))).toContain('Saved.');
    expect(await find('shop')).toMatchObject({ appId: APP, allowedIps: ['10.0.0.0/8', '2001:db8::1'] });
    const page = await operator.page('/integrations/shop');
    expect(page).toMatch(/<textarea [^>]*>\n10\.0\.0\.0\/8\n2001:db8::1<\/textarea>/);

    locationOf(await operator.post('/integrations/shop', {}));
    expect(await find('shop')).toMatchObject({
      appId: null,
      description: null,
      allowedIps: null,
      requireSignature: false,
      onRejection: 'refuse',
    });
    expect(await lastChange()).toMatchObject({ action: 'integration.update', object: 'shop' });
  });

  it('are refused with what is wrong, and keep what was typed', async () => {
    const response = await operator.post('/integrations/shop', { description: 'fine', allowedIps: 'home' });
    const page = await response.text();

    expect(response.status).toBe(422);
    expect(textOf(page)).toContain('Line 1: home must be an address or a CIDR range of IPv4 or IPv6');
    expect(page).toContain('name="description" value="fine"');
    expect((await find('shop')).description).toBeNull();
  });
});

describe('replacing the URL of an integration', () => {
  it('gives a new one, and says until when the old one works', async () => {
    const old = (await find('shop')).url;
    const location = locationOf(await operator.post('/integrations/shop/rotate', { overlapHours: '2,5' }));
    const text = textOf(await operator.page(location));
    const { url, previous } = await find('shop');

    expect(url).not.toBe(old);
    expect(text).toContain('There is a new URL, which works at once.');
    expect(text).toContain(url);
    expect(text).not.toContain(old);
    expect(text).toMatch(/Old URLs no\. 1 works until \w+ \d+, \d{4}/);
    expect(Date.parse(previous[0]?.validUntil ?? '') - Date.now()).toBeGreaterThan(2.4 * 3_600_000);
    expect(await lastChange()).toMatchObject({ action: 'integration.rotate', detail: { overlapHours: 2.5 } });
  });

  it('ends the old one at once with 0', async () => {
    locationOf(await operator.post('/integrations/shop/rotate', { overlapHours: '0' }));

    expect((await find('shop')).previous).toEqual([]);
  });

  it.each([
    ['', 'must be a number'],
    [' ', 'must be a number'],
    ['a day', 'must be a number'],
    ['721', 'must be at most 720'],
    ['-1', 'must be at least 0'],
  ])('is refused for %j hours, so that no URL ends by mistake', async (overlapHours, words) => {
    const response = await operator.post('/integrations/shop/rotate', { overlapHours });

    expect(response.status).toBe(422);
    expect(textOf(await response.text())).toContain(words);
    expect((await find('shop')).generation).toBe(1);
  });
});

describe('enabling and disabling an integration', () => {
  it('is one button, which offers the opposite of what it is', async () => {
    const page = await operator.page('/integrations/shop');
    expect([...formsOf(page).keys()]).toContain('/integrations/shop/disable');
    const disabled = await operator.page(locationOf(await operator.post('/integrations/shop/disable')));
    expect(textOf(disabled)).toContain('Disabled. Webhooks are refused within 30 seconds.');
    expect((await find('shop')).enabled).toBe(false);
    expect([...formsOf(disabled).keys()]).toContain('/integrations/shop/enable');
    expect(textOf(disabled)).toContain('answered 401 while the integration is disabled');

    const enabled = await operator.page(locationOf(await operator.post('/integrations/shop/enable')));
    expect(textOf(enabled)).toContain('Enabled. It takes webhooks within 30 seconds.');
    expect(await lastChange()).toMatchObject({ action: 'integration.enable' });
  });
});

describe('deleting an integration', () => {
  it('asks for the name to be typed', async () => {
    expect(textOf(await operator.page('/integrations/shop/delete'))).toContain('Type shop to confirm');
    const response = await operator.post('/integrations/shop/delete', { confirm: 'shoq' });

    expect(response.status).toBe(422);
    expect(textOf(await response.text())).toContain('That is not the name of this integration.');
    expect(await countRows('integrations')).toBe(1);
  });

  it('is done at once where nothing goes with it', async () => {
    const location = locationOf(await operator.post('/integrations/shop/delete', { confirm: ' shop ' }));

    expect(textOf(await operator.page(location))).toContain(
      'The integration was deleted, with events: 0, rejections: 0, dead letters: 0.',
    );
    expect(await countRows('integrations')).toBe(0);
    expect(await lastChange()).toMatchObject({ action: 'integration.delete', object: 'shop' });
  });

  it('tells what goes with the integration, and asks again', async () => {
    await storeEvents({ count: 12 });
    await keepRejection('{}');
    await storeDeadLetters({ shop: 2, mail: 1 });
    const response = await operator.post('/integrations/shop/delete', { confirm: 'shop' });
    const page = await response.text();
    const fields = formsOf(page).get('/integrations/shop/delete') ?? {};

    expect(response.status).toBe(409);
    expect(textOf(page)).toContain('It has events: 12, rejections: 1, dead letters: 2.');
    expect(await countRows('events')).toBe(12);
    const mistyped = await operator.post('/integrations/shop/delete', { ...fields, confirm: '' });
    expect(mistyped.status).toBe(422);
    expect(textOf(await mistyped.text())).toContain('It has events: 12, rejections: 1, dead letters: 2.');

    const location = locationOf(
      await operator.post('/integrations/shop/delete', { ...fields, confirm: 'shop' }),
    );
    expect(textOf(await operator.page(location))).toContain(
      'The integration was deleted, with events: 12, rejections: 1, dead letters: 2.',
    );
    expect(await countRows('events')).toBe(0);
    expect(await countRows('dead_letters')).toBe(1);
  });

  it('says "at least" where one request cannot count everything', async () => {
    await storeEvents({ count: 120_000 });
    const response = await operator.post('/integrations/shop/delete', { confirm: 'shop' });

    expect(response.status).toBe(409);
    expect(textOf(await response.text())).toMatch(
      /It has events: at least [\d,]+, rejections: 0, dead letters: 0\./,
    );
  }, 60_000);

  it('goes on in further requests, and adds up what each of them deleted', async () => {
    await storeEvents({ count: 5_000 });
    await inject({ d1: { kind: 'late', on: 'DELETE FROM events', after: 1 } });
    const first = operator.post('/integrations/shop/delete', { confirm: 'shop', force: 'yes' });
    await heldBack();
    await env.PROBE.setClock(21_000);
    await inject({});
    const page = await (await first).text();
    const fields = formsOf(page).get('/integrations/shop/delete') ?? {};

    expect((await first).status).toBe(200);
    expect(page).toContain('data-go-on');
    expect(fields).toMatchObject({ confirm: 'shop', force: 'yes', rejections: '0', deadLetters: '0' });
    expect(Number(fields.events)).toBeGreaterThanOrEqual(1_000);
    const location = locationOf(await operator.post('/integrations/shop/delete', fields));
    expect(textOf(await operator.page(location))).toContain(
      'with events: 5,000, rejections: 0, dead letters: 0.',
    );
  });
});

describe('readers', () => {
  it('see integrations without URL and secrets, and are offered and allowed no change', async () => {
    await register('shop', { requireSignature: true });
    const { url, signingSecret } = await find('shop');
    const reader = await signedIn(READ_TOKEN);
    const list = await reader.page('/integrations');
    const page = await reader.page('/integrations/shop');

    expect(textOf(page)).toContain('Only administrators see the URL and the secrets');
    for (const secret of [url, url?.split('/').at(-1), signingSecret, 'whsec_', 'curl ']) {
      expect(list).not.toContain(secret);
      expect(page).not.toContain(secret);
    }
    expect([...formsOf(list).keys(), ...formsOf(page).keys()]).toEqual([]);
    expect(`${list}${page}`).not.toMatch(/_new|\/delete/);
    for (const path of ['_new', 'shop/delete']) {
      expect((await reader.get(`/integrations/${path}`)).status, path).toBe(403);
    }
    for (const path of ['_new', 'shop', 'shop/rotate', 'shop/enable', 'shop/disable', 'shop/delete']) {
      const form = { ...FORM, overlapHours: '0', confirm: 'shop' };
      expect((await reader.post(`/integrations/${path}`, form)).status, path).toBe(403);
    }
    expect(await countRows('integrations')).toBe(1);
    expect((await find('shop')).generation).toBe(1);
  });
});

describe('a text quoted as one word of a shell', () => {
  it.each(["it's", '$(x) `y` "z" \\ !', '', "''"])('is what it was: %j', (text) => {
    expect(wordsOfShell(shellQuoted(text))).toEqual([text]);
  });
});

/** The command that a page offers. */
function commandIn(page: string): string {
  return /curl '.*?(?=<\/)/s.exec(unescaped(page))?.[0] ?? '';
}

function unescaped(text: string): string {
  return text.replaceAll('&#39;', "'").replaceAll('&quot;', '"').replaceAll('&amp;', '&');
}

/** Words as POSIX reads them, of the quoting that is used here: all within '…' is as it stands, \' is a quote. */
function wordsOfShell(command: string): string[] {
  const words: string[] = [];
  for (const [word] of command.matchAll(/(?:'[^']*'|\\'|[^\s'\\])+/g)) {
    words.push(word.replace(/'([^']*)'|\\(')/g, (_, quoted, quote) => quoted ?? quote));
  }
  return words;
}
