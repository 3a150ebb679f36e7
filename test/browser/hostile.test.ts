// Hostile texts in every field of a webhook that takes a text: they are shown as the texts that they are, do nothing, and
// break no page.
import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { type BrowsedReceiver, until } from '../../tools/browser/receiver.ts';
import type { Body } from '../loose-body.ts';
import { browsing, describeInBrowser, overflowOf } from './browsing.ts';
import { responseBody, statusBody } from './webhooks.ts';

const MARKUP = `"'><script>globalThis.hacked = 1</script><img src=x onerror="globalThis.hacked=1"><svg onload=globalThis.hacked=1>\${7*7}{{7*7}}`;
const SCRIPT_LINK = 'javascript:globalThis.hacked=1//';
/** Reverses the direction of what follows, and never ends. */
const TURNED = '\u2069\u202egnihtemos \u2067siht daer';
const LONG = 'W'.repeat(100_000);
/** No id may be longer. */
const LONG_ID = 'W'.repeat(256);

const ATTACKS = {
  markup: { text: MARKUP, id: MARKUP, link: `https://elsewhere.example/${MARKUP}` },
  'script link': { text: SCRIPT_LINK, id: SCRIPT_LINK, link: SCRIPT_LINK },
  turned: { text: TURNED, id: TURNED, link: `https://elsewhere.example/${TURNED}` },
  long: { text: LONG, id: LONG_ID, link: `https://elsewhere.example/${LONG}` },
} as const;
type Attack = (typeof ATTACKS)[keyof typeof ATTACKS];

const CUSTOMER = '+5511912340000';

describeInBrowser('hostile webhooks', () => {
  const running = browsing({ events: 30 });
  const paths: string[] = [];

  beforeAll(async () => {
    const { receiver } = running;
    await receiver.setConsumerFailing(true);
    for (const attack of Object.values(ATTACKS)) {
      for (const body of bodiesOf(attack)) expect(await receiver.deliver('shop', body)).toBe(200);
      for (const body of refusedBodiesOf(attack)) {
        expect(await receiver.deliver('shop', body)).toBeGreaterThanOrEqual(400);
      }
    }
    const letters = async () => listed(receiver, 'dead-letters');
    await until(async () => (await letters()).length === Object.keys(ATTACKS).length * BODIES);
    await receiver.setConsumerFailing(false);
    await receiver.runCron();
    paths.push('/', '/events', '/rejections', '/dead-letters', `/contacts/${encodeURIComponent(CUSTOMER)}`);
    for (const event of await listed(receiver, `events?contact=${encodeURIComponent(CUSTOMER)}`)) {
      paths.push(`/events/shop/${encodeURIComponent(event.id)}`);
    }
    for (const { id } of await listed(receiver, 'rejections')) paths.push(`/rejections/${id}`);
    for (const { id } of await letters()) paths.push(`/dead-letters/${id}`);
    paths.push(`/find?q=${encodeURIComponent(MARKUP)}`, `/events?messageId=${encodeURIComponent(MARKUP)}`);
    paths.push(
      `/events?contact=${encodeURIComponent(MARKUP)}`,
      `/audit?object=${encodeURIComponent(MARKUP)}`,
    );
  });

  it('execute nothing and break no layout', async () => {
    const page = await running.open({ scheme: 'dark' });
    const amiss: string[] = [];
    for (const path of paths) {
      const tell = (what: string) => amiss.push(`${path.slice(0, 120)}: ${what}`);
      await page.goto(path);
      await page.evaluate(() => {
        for (const fold of document.querySelectorAll('details')) fold.open = true;
      });
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 });
        const overflow = await overflowOf(page);
        if (overflow > 0) tell(`${overflow} px too wide at ${width}`);
      }
      if (await isHacked(page)) tell('executed');
      (await foreignPartsOf(page)).forEach(tell);
      (await turnedTextsOf(page)).forEach(tell);
    }
    expect(paths.length).toBeGreaterThan(30);
    expect(amiss).toEqual([]);
  });

  it('are shown as the texts that they are', async () => {
    const page = await running.open();
    for (const path of paths.filter((place) => /^\/(events\/|contacts)/.test(place))) {
      await page.goto(path);
      const text = (await page.locator('main').textContent()) ?? '';
      const said = Object.values(ATTACKS).filter((attack) => text.includes(attack.text.slice(0, 60)));
      expect(said.length, path.slice(0, 120)).toBeGreaterThanOrEqual(path.startsWith('/contacts') ? 3 : 1);
    }
    await page.goto('/events');
    expect(await page.locator('#rows').textContent()).toContain('<script>globalThis.hacked');
  });

  it('are shown as the texts that they are in live rows, too', async () => {
    const page = await running.open();
    await page.goto('/');
    const body = responseBody({ text: `live ${MARKUP}`, from: CUSTOMER });
    body.clientData.name = MARKUP;
    expect(await running.receiver.deliver('shop', body)).toBe(200);
    await page.getByText('live "\'><script>').waitFor();
    expect(await isHacked(page)).toBe(false);
    expect(await foreignPartsOf(page)).toEqual([]);
  });
});

const BODIES = 4;

function bodiesOf(attack: Attack): Body[] {
  const reply = everyFieldOf(responseBody({ text: attack.text, from: CUSTOMER }), attack, 'text');
  const medium = everyFieldOf(responseBody({ text: attack.text, from: CUSTOMER }), attack, 'image');
  const location = everyFieldOf(responseBody({ text: attack.text, from: CUSTOMER }), attack, 'location');
  const failed = everyFieldOf(statusBody({ status: 'failed', to: CUSTOMER }), attack, attack.text);
  return [reply, medium, location, failed];
}

let numbered = 0;

function everyFieldOf(body: Body, { text, id, link }: Attack, mediaType: string): Body {
  const number = String(++numbered).padStart(3, '0');
  const ownId = number + id.slice(0, 253);
  const aside = text.slice(0, 5_000); // where nobody documents a field; a body may have no more than a megabyte
  body.event.messageId = ownId;
  body.event[aside] = aside;
  if ('clientData' in body) Object.assign(body.clientData, { name: text, [aside]: aside });
  delete body.message.mediaData;
  Object.assign(body.message, {
    messageId: ownId,
    contextId: id,
    interactionsId: id,
    mediaType,
    message: text,
    appId: id,
    status: text,
    [aside]: { [aside]: [aside, { [aside]: aside }] },
  });
  if (body.event.type === 'status') Object.assign(body.message, { failCode: text, failMessage: text });
  else if (mediaType === 'location') {
    body.message.location = { address: text, name: text, latitude: text, longitude: text };
  } else if (mediaType !== 'text') {
    body.message.mediaData = { link, id: text, caption: text, filename: text };
  }
  return body;
}

/** A text that is no JSON, JSON that breaks the contract, and JSON whose names are hostile. */
function refusedBodiesOf({ text }: Attack): unknown[] {
  const unknownType = responseBody({ text, from: CUSTOMER });
  unknownType.event.type = text;
  unknownType.message.to = text;
  return [`<html>${text}`, unknownType, { [text]: text, event: { messageId: text, type: text } }];
}

async function listed(receiver: BrowsedReceiver, what: string): Promise<{ id: string }[]> {
  return (await receiver.api<{ data: { id: string }[] }>('GET', `/${what}`)).data;
}

async function isHacked(page: Page): Promise<boolean> {
  return page.evaluate(() => 'hacked' in globalThis);
}

/** Elements that no page of ours has, and links to where no link should lead. */
async function foreignPartsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const parts = document.querySelectorAll(
      'main img, main script, main iframe, main svg[onload], main [style]',
    );
    const links = [...document.querySelectorAll('a')].filter(({ protocol }) => !/^https?:$/.test(protocol));
    const careless = [...document.querySelectorAll('a')].filter(
      (link) => link.origin !== location.origin && !link.rel.includes('noopener'),
    );
    return [...parts, ...links, ...careless].map((part) => part.outerHTML.slice(0, 200));
  });
}

/** Texts of our own that run from right to left because of a text before them. */
async function turnedTextsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const turned: string[] = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
      const begin = (text.textContent ?? '').search(/[\p{L}\d]{2}/u);
      if (begin < 0 || text.parentElement?.closest('bdi, pre, option') != null) continue;
      const range = document.createRange();
      const leftOf = (place: number) => {
        range.setStart(text as Node, place);
        range.setEnd(text as Node, place + 1);
        return range.getBoundingClientRect();
      };
      const [one, other] = [leftOf(begin), leftOf(begin + 1)];
      if (one.width > 0 && one.top === other.top && other.left < one.left)
        turned.push(`turned: ${text.textContent}`);
    }
    return turned;
  });
}
