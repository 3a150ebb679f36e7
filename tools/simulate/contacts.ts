// The customers of a run, and the platform's spellings of their numbers.
import type { Random } from '../random.ts';

export interface Contact {
  canonical: string;
  /** The platform's spellings. */
  written: [string, ...string[]];
  name: string;
}

const AREA_CODES = ['11', '21', '31', '41', '44', '48', '51', '62', '71', '81', '85', '92'] as const;
const FIRST_NAMES = [
  'Ana',
  'João',
  'Maria',
  'Antônio',
  'Conceição',
  'Zé',
  '李',
  'Noor',
  'Íris 🌸',
  "D'Ávila",
] as const;
const LAST_NAMES = ['da Silva', 'Souza', 'Gonçalves', 'Ibañez', 'Müller', 'dos Santos', ''] as const;

/** Random customers, whose numbers are most likely those of no other run. */
export function contactsOf(random: Random, count: number): [Contact, ...Contact[]] {
  const contacts = new Map<string, Contact>();
  while (contacts.size < count) {
    const contact = newContact(random);
    contacts.set(contact.canonical, contact);
  }
  return [...contacts.values()] as [Contact, ...Contact[]];
}

function newContact(random: Random): Contact {
  const name = `${random.pick(FIRST_NAMES)} ${random.pick(LAST_NAMES)}`.trim();
  const kind = random.fraction();
  if (kind < 0.06)
    return withAndWithoutPlus(`351${random.pick(['91', '93', '96'])}${digits(random, 7)}`, name);
  if (kind < 0.12) {
    const fixedLine = `55${random.pick(AREA_CODES)}${random.whole(2, 5)}${digits(random, 7)}`;
    return withAndWithoutPlus(fixedLine, name);
  }
  if (kind < 0.14) return withAndWithoutAdded('52', '1', `55${random.whole(1, 9)}${digits(random, 7)}`, name);
  if (kind < 0.16) return withAndWithoutAdded('54', '9', `11${random.whole(2, 6)}${digits(random, 7)}`, name);
  if (kind < 0.18) return withoutNumber(`${random.whole(1, 9)}${digits(random, 14)}@lid`, name);
  if (kind < 0.2) return withoutNumber(`BR.${random.whole(1, 9)}${digits(random, 15)}`, name);
  const areaCode = random.pick(AREA_CODES);
  const ofEight = `${random.whole(6, 9)}${digits(random, 7)}`;
  const withNinth = `55${areaCode}9${ofEight}`;
  const withoutNinth = `55${areaCode}${ofEight}`;
  return {
    canonical: `+${withNinth}`,
    written: [
      `+${withNinth}`,
      ...[withNinth, `+${withoutNinth}`, withoutNinth, `whatsapp:+${withNinth}`],
      ...[`${withoutNinth}@s.whatsapp.net`, `\u202a+${withNinth}\u202c`],
    ],
    name,
  };
}

/** A number as WhatsApp writes it in some countries, with and without a digit that does not belong to it. */
function withAndWithoutAdded(country: string, added: string, national: string, name: string): Contact {
  const [plain, longer] = [`${country}${national}`, `${country}${added}${national}`];
  return { canonical: `+${plain}`, written: [`+${plain}`, plain, `+${longer}`, longer], name };
}

/** A customer whose number WhatsApp hides behind an identity. */
function withoutNumber(identity: string, name: string): Contact {
  return { canonical: identity, written: [identity], name };
}

function withAndWithoutPlus(number: string, name: string): Contact {
  return { canonical: `+${number}`, written: [`+${number}`, number], name };
}

function digits(random: Random, length: number): string {
  return random.text(length, '0123456789');
}
