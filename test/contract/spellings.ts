// Numbers, each in many spellings, as senders write them and people type them: made from the meaning, not by the code
// that reads them.

import { OTHER_SEPARATORS } from '../../src/contract/number-separators.ts';
import { chooser } from '../json-text.ts';
import { COULD_BE_BRAZILIAN, FOREIGN } from './written-forms.ts';

export interface Spelling {
  canonical: string;
  written: string;
}

type Pick = <Choice>(choices: readonly Choice[]) => Choice;

const CARRIERS = ['xx', 'XX', '15', '21', '31', '41'];
/** What stands around a copied number. A blank alone is not among them: in a link it is a `+`. */
const MARKS = [
  ...['', '', '', '', '', '', '  ', '\n', '\u00a0'],
  ...['\u200e', '\u200f', '\u202a', '\u202c', '\u2066', '\u2069', '\u2060', '\ufeff', '\u00ad', '\u200b'],
];
const SCHEMES = ['', '', '', '', '', '', 'tel:', 'whatsapp:', 'sms:', 'TEL:', 'WhatsApp:', 'callto://'];
const SEPARATORS = [' ', '-', '.', '/', ...OTHER_SEPARATORS];
/** Where people write a zero behind the country code. */
const WITH_TRUNK = /^(?:44|49|33|86|81|91|595)/;

/** @returns so many spellings of each of so many numbers, the same ones for the same seed. */
export function spellingsOf(seed: number, numbers: number, spellings: number): Spelling[] {
  const choose = chooser(seed);
  const pick: Pick = (choices) => choices[choose(choices.length)] as (typeof choices)[number];
  const digits = (count: number) => Array.from({ length: count }, () => choose(10)).join('');
  const makers = new Map<string, (pick: Pick) => string>();
  while (makers.size < numbers) {
    const kind = choose(10);
    const [canonical, make] =
      kind < 5 ? mobile(digits, pick) : kind < 7 ? fixed(digits, pick) : foreign(digits, pick);
    makers.set(canonical, make);
  }
  return [...makers].flatMap(([canonical, make]) =>
    Array.from({ length: spellings }, () => ({ canonical, written: dressed(make(pick), pick) })),
  );
}

type Numbered = [canonical: string, make: (pick: Pick) => string];
type Digits = (count: number) => string;

function areaCode(pick: Pick): string {
  return pick(['11', '21', '41', '44', '47', '48', '51', '55', '65', '71', '85', '91']);
}

function mobile(digits: Digits, pick: Pick): Numbered {
  const area = areaCode(pick);
  const old = `${pick(['6', '7', '8', '9'])}${digits(7)}`;
  return [`+55${area}9${old}`, (choose) => brazilian(area, choose([old, `9${old}`]), choose)];
}

function fixed(digits: Digits, pick: Pick): Numbered {
  const area = areaCode(pick);
  const subscriber = `${pick(['2', '3', '4', '5'])}${digits(7)}`;
  return [`+55${area}${subscriber}`, (choose) => brazilian(area, subscriber, choose)];
}

function brazilian(area: string, subscriber: string, pick: Pick): string {
  const national = `${area}${subscriber}`;
  return pick([
    ...[`+55${national}`, `55${national}`, `0055${national}`, `+55(${area})${subscriber}`],
    ...[`+55(0)${national}`, `+550${national}`, `+55(0${area})${subscriber}`],
    ...[`+550${pick(CARRIERS)}${national}`, `55(0${pick(CARRIERS)}${area})${subscriber}`],
    ...[`0${national}`, `(0${area})${subscriber}`, `(${area})${subscriber}`],
    ...[`0${pick(CARRIERS)}${national}`, `(0${pick(CARRIERS)}${area})${subscriber}`],
  ]);
}

function foreign(digits: Digits, pick: Pick): Numbered {
  const [begin, rest] = pick(FOREIGN);
  const number = `${begin}${digits(rest)}`;
  return [
    `+${number}`,
    (choose) => {
      const added = begin.startsWith('52')
        ? '1'
        : begin.startsWith('54')
          ? '9'
          : WITH_TRUNK.test(begin)
            ? '(0)'
            : '';
      const code = begin.startsWith('595') ? 3 : 2;
      const form = `${number.slice(0, code)}${choose(['', added])}${number.slice(code)}`;
      return choose([
        `+${form}`,
        `00${form}`,
        form.length < 10 || COULD_BE_BRAZILIAN.test(form) ? `+${form}` : form,
      ]);
    },
  ];
}

/** With what comes along where a number is copied, typed or handed on. */
function dressed(bare: string, pick: Pick): string {
  const isWhole = /^\+?55[1-9]\d{9,10}$/.test(bare) || /^\+(?!550)\d+$/.test(bare);
  const kind = pick([0, 0, 0, 0, 0, 1, 2, 3]);
  const digits = bare.replace('+', '');
  if (isWhole && kind === 1)
    return `${digits}${pick(['', ':3', ':12', '_1:0'])}@${pick(['s.whatsapp.net', 'c.us'])}`;
  if (isWhole && kind === 2) return `https://wa.me/${digits}${pick(['', '?text=oi%2041'])}`;
  const spaced = Array.from(bare, (letter, index) =>
    index > 0 && pick([0, 0, 0, 0, 1]) === 1 ? `${pick(SEPARATORS)}${letter}` : letter,
  ).join('');
  const wide = kind === 3 ? spaced.replace(/[()+\-./\d]/g, fullWidth) : spaced;
  const scheme = pick(SCHEMES);
  const marks = scheme === '' ? pick(MARKS) : '';
  return `${pick(MARKS)}${scheme}${marks}${wide}${pick(MARKS)}`;
}

function fullWidth(letter: string): string {
  return String.fromCharCode(letter.charCodeAt(0) + 0xfee0);
}
