// What a body says, apart from how it is written: whether a repeat says the same as the event that it repeats, and where
// it does not. Pure.
//
// Bodies are compared as JSON values. The order of keys, white space, escapes and the spelling of numbers (1, 1.0, 10e-1)
// make no difference; the digits of a number do, also those that a JavaScript number would round.

import { parseExactly, WrittenNumber } from './payload.ts';
import { type ContractProblem, problemAt } from './problems.ts';

/**
 * Times that the platform stamps on what it sends, and which are others when it sends the same again: when its record
 * of the message was written last, and when the customer wrote last, to whom it may have heard from since.
 * `message.createdAt` is none of them: it stays with a message, and another one has another.
 */
export const STAMPED_TIMES = [
  ['message', 'updatedAt'],
  ['clientData', 'timeLastMessage'],
] as const;

/** Longer payloads are compared as texts: as values they would take many times their size in memory. */
export const MAX_COMPARED_LENGTH = 300_000;

/** Differences that are named, and how far down they are looked for. */
const MAX_DIFFERENCES = 50;
const MAX_DEPTH = 12;

/**
 * What a payload says, as a text that is the same for all payloads that say the same. The payload itself where it is too
 * long, or nested too deep, to be compared as a value.
 */
export function contentOf(payload: string): string {
  const value = comparable(payload);
  return value === undefined ? payload : canonicalJson(value);
}

/** Something that two bodies do not have in common. */
export interface Difference {
  /** Where, with dots; empty for the body itself. */
  path: string;
  /** What the stored one has there; absent: nothing. */
  stored?: unknown;
  /** What the repeat has there; absent: nothing. */
  repeated?: unknown;
}

/** Where a repeat differs from what is stored. None where both say the same. */
export function differencesBetween(stored: string, repeated: string): Difference[] {
  const [before, after] = [comparable(stored), comparable(repeated)];
  if (before === undefined || after === undefined) return stored === repeated ? [] : [{ path: '' }]; // too much to be shown side by side
  return [...differences(before, after, [])].slice(0, MAX_DIFFERENCES);
}

/** The same without the values. */
export function problemOf(difference: Difference): ContractProblem {
  const { path } = difference;
  if (path !== '' && !('stored' in difference)) return problemAt(path, 'not-in-event');
  if (path !== '' && !('repeated' in difference)) return problemAt(path, 'only-in-event');
  return problemAt(path, 'differs');
}

/** A payload's value without the stamped times. */
function comparable(payload: string): unknown {
  if (payload.length > MAX_COMPARED_LENGTH) return undefined;
  try {
    const value = parseExactly(payload);
    canonicalJson(value); // throws where it is nested too deep
    for (const [outer, inner] of STAMPED_TIMES) {
      const within = isObject(value) && Object.hasOwn(value, outer) ? value[outer] : null;
      if (isObject(within)) delete within[inner];
    }
    return value;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof WrittenNumber)
  );
}

function canonicalJson(value: unknown): string {
  if (value instanceof WrittenNumber) return canonicalNumber(value.digits);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort((one, other) => (one < other ? -1 : 1))
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`);
  return `{${members.join()}}`;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** A number as its significant digits and a power of ten: the same for every spelling of it. */
function canonicalNumber(number: string): string {
  const [, sign = '', whole = '', fraction = '', power = '0'] = NUMBER.exec(number) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  const exponent = Number(power) - fraction.length + digits.length - significant.length;
  if (significant === '') return '0';
  return Number.isSafeInteger(exponent) ? `${sign}${significant}e${exponent}` : number;
}

function* differences(
  stored: unknown,
  repeated: unknown,
  path: readonly string[],
): Generator<Difference, void> {
  if (!differ(stored, repeated)) return;
  if (path.length < MAX_DEPTH && isObject(stored) && isObject(repeated)) {
    let hasUnnamed = false;
    for (const name of new Set([...Object.keys(stored), ...Object.keys(repeated)])) {
      const below = [...path, name];
      const [isInStored, isInRepeated] = [Object.hasOwn(stored, name), Object.hasOwn(repeated, name)];
      if (!isName(name)) hasUnnamed ||= !isInStored || !isInRepeated || differ(stored[name], repeated[name]);
      else if (isInStored && isInRepeated) yield* differences(stored[name], repeated[name], below);
      else if (isInStored) yield { path: below.join('.'), stored: stored[name] };
      else yield { path: below.join('.'), repeated: repeated[name] };
    }
    if (!hasUnnamed) return;
  }
  yield { path: path.join('.'), stored, repeated };
}

function differ(stored: unknown, repeated: unknown): boolean {
  return canonicalJson(stored) !== canonicalJson(repeated);
}

const NAME = /^[A-Za-z_][\w-]{0,39}$/;
const MAX_DIGITS = 3;

/**
 * Whether a path may say it: paths are kept and shown, and what a sender put in the place of a name may be somebody's
 * number or words of theirs. What is in there differs as a part of what it is in.
 */
function isName(name: string): boolean {
  return NAME.test(name) && name.replace(/\D/g, '').length <= MAX_DIGITS;
}
