import { describe, expect, it } from 'vitest';
import { NOTHING_SAID, saidBy, saidIn } from '../../src/contract/conversation.ts';
import { parsePayload } from '../../src/contract/payload.ts';
import { type Body, deliveredText, responseBody, responseText, statusBody } from '../webhooks.ts';

const BOM = '\ufeff';

describe('what a webhook says', () => {
  it('is its text, its medium and the name, as they are in the documented response', () => {
    expect(saidBy(responseBody())).toEqual({
      text: 'Mensagem de teste',
      media: {
        kind: 'document',
        link: 'http://linkteste.com/doc.pdf',
        id: null,
        caption: 'Descrição da midia',
        filename: 'nome-arquivo.pdf',
      },
      location: null,
      failure: null,
      name: 'Maria da Silva',
    });
  });

  it('is why it failed', () => {
    const failed = statusBody((body) => {
      body.event.status = 'failed';
      Object.assign(body.message, { failCode: 470, failMessage: 'outside of the window' });
    });
    expect(saidBy(failed)).toMatchObject({
      failure: { code: '470', message: 'outside of the window' },
      name: null,
    });
  });

  it.each<[string, string]>([
    ['a response', responseText],
    ['a status', deliveredText],
    ['one after a byte order mark', `${BOM}${responseText}`],
    ['a place', JSON.stringify({ message: { location: { latitude: '-25.4', longitude: -49.2 } } })],
    ['the text "null"', JSON.stringify({ message: { message: 'null', mediaType: 'null' } })],
  ])('is the same, parsed or as text: %s', (_, payload) => {
    expect(saidBy(parsePayload(payload))).toEqual(saidIn(payload));
    expect(saidIn(payload)).not.toEqual(NOTHING_SAID);
  });

  it.each<Body>([
    undefined,
    null,
    7,
    'text',
    [],
    {},
    { message: null, clientData: null },
    { message: 'text', clientData: 'Maria' },
    { message: { message: 7, mediaType: {}, mediaData: [], location: 'here', failCode: null } },
  ])('is nothing where there is nothing to read: %j', (webhook) => {
    expect(saidBy(webhook)).toEqual(NOTHING_SAID);
    if (webhook !== undefined) expect(saidIn(JSON.stringify(webhook))).toEqual(NOTHING_SAID);
  });

  it('is nothing in a payload that is not JSON', () => {
    expect(saidIn('{')).toEqual(NOTHING_SAID);
  });
});
