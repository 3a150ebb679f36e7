// Payloads of an attacker, and what a page would contain if it trusted them.

import { type Body, responseBody, statusBody } from '../webhooks.ts';

/** Without a space. A body with it in every field is still small enough to be taken. */
const LONG = 'L'.repeat(72_000);
/** The same, short enough for conversations to show the body. */
const LONG_LINE = 'M'.repeat(4_000);

/** Texts that run, lead elsewhere, turn the direction of writing, or break a layout. */
export const HOSTILE_TEXTS = {
  script: '<script>alert(1)</script><img src=x onerror=alert(2)>',
  attribute: '" onmouseover="alert(3)" style="position:fixed',
  closing: '</bdi></code></pre></textarea></title><svg onload=alert(4)>',
  'right-to-left': '\u202Egnp.exe\u2067',
  long: LONG,
  'long line': LONG_LINE,
};

/** The documented bodies with a hostile text wherever a text can be. Labels take 256 characters at most. */
export function hostileBodies(text: string, contact: string, name: string): { response: Body; status: Body } {
  const label = text.slice(0, 200);
  const poison = (body: Body) => {
    body.event.messageId = `${name}-event-${label}`.slice(0, 250);
    Object.assign(body.message, {
      messageId: `${name}-${label}`.slice(0, 250),
      contextId: label,
      interactionsId: label,
      mediaType: text,
      message: text,
      mediaData: { link: `javascript:alert(5)//${text}`, id: text, caption: text, filename: text },
      location: { name: text, address: text, latitude: -25.4, longitude: -49.2 },
      appId: label,
      status: text,
      failCode: text,
      failMessage: text,
      to: contact,
    });
    body[text.slice(0, 1_000)] = { [text.slice(0, 1_000)]: [text] };
  };
  const response = responseBody((body) => {
    poison(body);
    body.clientData = { ...body.clientData, number: contact, name: text };
  });
  const status = statusBody((body) => {
    poison(body);
    body.event.status = 'failed';
  });
  return { response, status };
}

/** Elements and links of a page that only a payload can have brought there, as a browser reads the page. */
export async function dangersOf(page: string): Promise<string[]> {
  const dangers: string[] = [];
  const elements = {
    element({ tagName, attributes }: Element) {
      const given = new Map([...attributes].map(([name = '', value = '']) => [name.toLowerCase(), value]));
      const isOurs = tagName === 'script' && /^\/assets\/[\w.\-/]+$/.test(given.get('src') ?? '');
      const isForeign = ['script', 'style', 'iframe', 'object', 'embed', 'img', 'base'].includes(tagName);
      if (isForeign && !isOurs) dangers.push(`<${tagName}>`);
      for (const [name, value] of given) {
        if (name.startsWith('on') || name === 'style') dangers.push(`${name}=${value}`);
        if (name === 'href' && !/^(\/|#|https?:\/\/)/.test(value)) dangers.push(`href=${value}`);
        const isAway = name === 'href' && /^https?:|^\/\//.test(value);
        if (isAway && given.get('rel') !== 'noopener noreferrer') dangers.push(`trusted ${value}`);
      }
    },
  };
  let title = '';
  const titles = {
    text({ text }: Text) {
      title += text;
    },
  };
  await new HTMLRewriter().on('*', elements).on('title', titles).transform(new Response(page)).text();
  if (!/^[\p{L} ]+ · Instant Message receiver$/u.test(title)) dangers.push(`title ${title}`);
  const apart = page.replace(/<bdi[^>]*>[^<]*<\/bdi>/g, '');
  if (/[\u202a-\u202e\u2066-\u2069]/.test(apart)) dangers.push('writing direction');
  return dangers;
}

/** The text of a page, without its tags. */
export function textOf(page: string): string {
  return page
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .replaceAll('&amp;', '&')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>');
}

/** The values of attributes, unescaped. */
export function attributesOf(page: string, name: string): string[] {
  return [...page.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map(([, value = '']) => textOf(value));
}
