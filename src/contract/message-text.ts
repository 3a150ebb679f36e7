// The readable text of a message, whatever stands where its text should be: a number, a list, a tapped button, a reaction, a
// contact card. Messengers and gateways have no common form for these, so text is looked for under the names they use.

/** Names under which objects hold text for people, the likeliest first. */
const TEXT_MEMBERS = [
  ...['title', 'text', 'body', 'emoji', 'caption', 'display_text', 'displayText', 'selectedDisplayText'],
  ...['formatted_name', 'name', 'conversation', 'message', 'content', 'value', 'description', 'payload'],
];
/** Messengers send nothing that is nested deeper or has longer lists. */
const MAX_DEPTH = 5;
const MAX_ITEMS = 50;

/** The text in a value, with a line for each item of a list; `null` where there is none. */
export function readableText(value: unknown, depth = 0): string | null {
  if (typeof value === 'string') return value === '' ? null : value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return null;
  if (Array.isArray(value)) {
    return linesOf(value.slice(0, MAX_ITEMS).map((item) => readableText(item, depth + 1)));
  }
  const members = value as Record<string, unknown>;
  for (const name of TEXT_MEMBERS) {
    const words = Object.hasOwn(members, name) ? readableText(members[name], depth + 1) : null;
    if (words !== null) return words;
  }
  for (const member of Object.values(members).slice(0, MAX_ITEMS)) {
    const words = typeof member === 'object' ? readableText(member, depth + 1) : null;
    if (words !== null) return words;
  }
  return null;
}

/** The names and numbers on contact cards: WhatsApp's objects or vCards (RFC 6350). `null` where there are none. */
export function contactCardText(value: unknown): string | null {
  const cards = Array.isArray(value) ? value : [value];
  return linesOf(cards.slice(0, MAX_ITEMS).map((card) => textOfCard(card)));
}

function textOfCard(card: unknown): string | null {
  if (typeof card === 'string') return textOfVcard(card);
  if (typeof card !== 'object' || card === null) return null;
  const { vcard, contacts, name, displayName, formatted_name, phones, phone, number } = card as Record<
    string,
    unknown
  >;
  if (typeof vcard === 'string') return textOfVcard(vcard);
  if (contacts !== undefined) return contactCardText(contacts);
  const numbers = [phones, phone, number].flat().slice(0, MAX_ITEMS).map(numberIn);
  return linesOf([readableText(formatted_name ?? name ?? displayName), ...numbers]);
}

function numberIn(phone: unknown): string | null {
  if (typeof phone !== 'object' || phone === null) return readableText(phone);
  const { phone: written, number, wa_id } = phone as Record<string, unknown>;
  return readableText(written ?? number ?? wa_id);
}

function textOfVcard(text: string): string | null {
  if (!/^BEGIN:VCARD/im.test(text)) return text === '' ? null : text;
  const lines = [...text.matchAll(/^(?:[\w-]+\.)?(?:FN|TEL)(?:;[^:\r\n]*)?:(?:tel:)?(.+)$/gim)];
  return linesOf(lines.map(([, written = '']) => written.trim()));
}

function linesOf(lines: readonly (string | null)[]): string | null {
  const there = lines.filter((line) => line !== null && line !== '');
  return there.length === 0 ? null : there.join('\n');
}
