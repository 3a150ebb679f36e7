import { describe, expect, it } from 'vitest';
import { EMPTY_CONTENT, payloadContent, webhookContent } from '../../src/contract/message-content.ts';
import { parsePayload } from '../../src/contract/payload.ts';
import { deliveredText, type Fields, responseBody, responseText, statusBody } from '../webhooks.ts';

const BOM = '\ufeff';

describe('the content of a webhook', () => {
  it('is the text, the medium and the name of the documented response', () => {
    expect(webhookContent(responseBody())).toEqual({
      kind: 'media',
      mediaType: 'document',
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

  it('has the reason of a failure', () => {
    const failed = statusBody((body) => {
      body.event.status = 'failed';
      Object.assign(body.message, { failCode: 470, failMessage: 'outside of the window' });
    });
    expect(webhookContent(failed)).toMatchObject({
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
  ])('is the same for a payload as text and parsed: %s', (_, payload) => {
    expect(webhookContent(parsePayload(payload))).toEqual(payloadContent(payload));
    expect(payloadContent(payload)).not.toEqual(EMPTY_CONTENT);
  });

  it.each<unknown>([
    undefined,
    null,
    7,
    'text',
    [],
    {},
    { message: null, clientData: null },
    { message: 'text', clientData: 'Maria' },
    {
      event: { type: { toString: 1 } },
      message: { message: {}, mediaType: {}, mediaData: [], location: 'here' },
    },
    { message: { message: [null, '', [], {}], mediaData: '', failCode: null } },
    { message: { message: null, mediaData: 'null' } },
    { message: { message: Array.from({ length: 30 }).reduce((inner) => [inner], 'deep') } },
  ])('is empty where nothing can be read: %j', (webhook) => {
    expect(webhookContent(webhook)).toEqual(EMPTY_CONTENT);
    if (webhook !== undefined) expect(payloadContent(JSON.stringify(webhook))).toEqual(EMPTY_CONTENT);
  });

  const cloudContact = {
    name: { formatted_name: 'Maria da Silva', first_name: 'Maria' },
    phones: [{ phone: '+55 44 99123-0003', wa_id: '5544991230003', type: 'CELL' }],
  };
  const vcard =
    'BEGIN:VCARD\r\nVERSION:3.0\r\nN:Silva;Maria\r\nFN:Maria da Silva\r\nitem1.TEL;waid=5544991230003:+55 44 99123-0003\r\nEND:VCARD';
  const CARD = 'Maria da Silva\n+55 44 99123-0003';

  it.each<[string, Fields, Fields]>([
    ['a number', { mediaType: 'text', message: 1 }, { kind: 'text', text: '1' }],
    ['nought', { message: 0 }, { kind: 'text', text: '0' }],
    ['true or false', { message: false }, { kind: 'text', text: 'false' }],
    ['a list', { mediaType: 'text', message: ['Sim', { title: 'Não' }] }, { kind: 'text', text: 'Sim\nNão' }],
    ['an object', { message: { body: { text: 'Olá' } } }, { kind: 'text', text: 'Olá' }],
    ['a reaction', { mediaType: 'reaction', message: '👍🏽' }, { kind: 'reaction', text: '👍🏽' }],
    [
      'a reaction as an object',
      { mediaType: 'Reaction', message: { message_id: 'wamid.1', emoji: '❤️' } },
      { kind: 'reaction', text: '❤️' },
    ],
    [
      'a reaction under its name',
      { mediaType: 'reaction', reaction: { emoji: '🙏' } },
      { kind: 'reaction', text: '🙏' },
    ],
    ['a reaction taken back', { mediaType: 'reaction', message: '' }, { kind: 'reaction', text: null }],
    [
      'a tapped button',
      { mediaType: 'interactive', message: { type: 'button_reply', id: 'op-1', title: 'Quero falar' } },
      { kind: 'button', text: 'Quero falar' },
    ],
    [
      'a tapped button in the form of WhatsApp',
      {
        mediaType: 'interactive',
        interactive: { type: 'button_reply', button_reply: { id: 'op-1', title: 'Quero falar' } },
      },
      { kind: 'button', text: 'Quero falar' },
    ],
    [
      'a tapped button of a template',
      { mediaType: 'button', message: { payload: 'YES', text: 'Sim' } },
      { kind: 'button', text: 'Sim' },
    ],
    ['a tapped button as a text', { mediaType: 'button', message: 'Sim' }, { kind: 'button', text: 'Sim' }],
    [
      'what was chosen from a list',
      {
        mediaType: 'interactive',
        message: { type: 'list_reply', list_reply: { title: 'Entrega', description: '3 dias' } },
      },
      { kind: 'list', text: 'Entrega' },
    ],
    [
      'what was chosen from a list as a text',
      { mediaType: 'listResponseMessage', message: 'Entrega' },
      { kind: 'list', text: 'Entrega' },
    ],
    [
      'a form',
      {
        mediaType: 'interactive',
        message: { type: 'nfm_reply', nfm_reply: { body: 'Enviado', name: 'flow' } },
      },
      { kind: 'reply', text: 'Enviado' },
    ],
    ['a contact card', { mediaType: 'contacts', contacts: [cloudContact] }, { kind: 'contact', text: CARD }],
    ['a contact card as its text', { mediaType: 'contact', message: vcard }, { kind: 'contact', text: CARD }],
    [
      'a contact card in an object',
      { mediaType: 'vcard', message: { displayName: 'Maria', vcard } },
      { kind: 'contact', text: CARD },
    ],
    [
      'a name for a contact card',
      { mediaType: 'contacts', message: 'Maria' },
      { kind: 'contact', text: 'Maria' },
    ],
    [
      'a kind that is not known',
      { mediaType: 'poll', message: null },
      { kind: 'unknown', mediaType: 'poll', text: null },
    ],
    [
      'a kind that is not known, with a text',
      { mediaType: 'poll', message: 'Qual?' },
      { kind: 'text', text: 'Qual?' },
    ],
    [
      'a kind named as something of every object',
      { mediaType: 'constructor', message: 'oi' },
      { kind: 'text', text: 'oi' },
    ],
    [
      'a caption without a medium',
      { mediaType: 'text', mediaData: { caption: 'Veja' } },
      { kind: 'text', text: 'Veja' },
    ],
    [
      'no medium in an empty text',
      { mediaType: 'text', message: 'oi', mediaData: '' },
      { kind: 'text', text: 'oi' },
    ],
  ])('has the readable text of %s', (_, message, said) => {
    expect(webhookContent({ event: { type: 'response' }, message })).toMatchObject({ media: null, ...said });
  });

  it.each<[string, Fields, Fields]>([
    [
      'a sticker',
      { mediaType: 'sticker', mediaData: { link: 'https://x.example/1.webp' } },
      { kind: 'sticker', text: null },
    ],
    ['a sticker nobody knows the place of', { mediaType: 'sticker' }, { kind: 'sticker' }],
    ['an image nobody knows the place of', { mediaType: 'image', message: '' }, { kind: 'media' }],
    [
      'a file of an unknown kind',
      { mediaType: 'sketch', mediaData: { filename: 'a.svg' } },
      { kind: 'media' },
    ],
  ])('has a medium where the payload names one or tells where it is: %s', (_, message, said) => {
    const { mediaType } = message;
    expect(webhookContent({ event: { type: 'response' }, message })).toMatchObject({
      ...said,
      media: { kind: mediaType },
    });
  });

  it('is no reply in a status of the business’s own message', () => {
    const offered = { type: 'button', body: { text: 'Escolha' }, action: { buttons: [{ title: 'Sim' }] } };
    const message = { mediaType: 'interactive', message: offered };
    expect(webhookContent({ event: { type: 'STATUS' }, message })).toMatchObject({
      kind: 'text',
      text: 'Escolha',
    });
  });

  it('is empty for a payload that is not JSON', () => {
    expect(payloadContent('{')).toEqual(EMPTY_CONTENT);
  });
});
