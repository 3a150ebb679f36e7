// Compares the payload of a repeat with that of the event that it repeats. Pure.
//
// Payloads are compared as JSON values. The order of keys, white space, escapes and the spelling of numbers (1, 1.0, 10e-1)
// make no difference; the digits of a number do, also those that a JavaScript number would round.

import { ExactNumber, parseExactly } from './payload.ts';
import { type ContractProblem, problemAt } from './problems.ts';

/**
 * Times that the platform may send differently when it sends the same event again: when its record of the message was
 * written last, and when the customer wrote last, which may have been since. `message.createdAt` is none of them: it
 * never changes for a message.
 */
export const STAMPED_TIMES = [
  ['message', 'updatedAt'],
  ['clientData', 'timeLastMessage'],
] as const;

/** Longer payloads are compared as texts, since as values they take many times their size in memory. */
export const MAX_COMPARED_LENGTH = 300_000;

/** How many differences are named, and how deep they are looked for. */
const MAX_DIFFERENCES = 50;
const MAX_DEPTH = 12;

/**
 * A text that is the same for all payloads of the same content. It is the payload itself where that is too long, or nested
 * too deep, to be compared as a value.
 */
export function comparableText(payload: string): string {
  const value = comparable(payload);
  return value === undefined ? payload : canonicalJson(value);
}

/** One difference between two payloads. */
export interface Difference {
  /** Where, with dots; empty for the whole. */
  path: string;
  /** The stored value; absent where there is none. */
  stored?: unknown;
  /** The repeat's value; absent where there is none. */
  repeated?: unknown;
}

/** Where a repeat differs from what is stored; empty where both have the same content. */
export function differencesBetween(stored: string, repeated: string): Difference[] {
  const [before, after] = [comparable(stored), comparable(repeated)];
  if (before === undefined || after === undefined) return stored === repeated ? [] : [{ path: '' }];
  return [...differences(before, after, [])].slice(0, MAX_DIFFERENCES);
}

/** The difference as a problem, which holds no value. */
export function differenceProblem(difference: Difference): ContractProblem {
  const { path } = difference;
  if (path !== '' && !('stored' in difference)) return problemAt(path, 'not-in-event');
  if (path !== '' && !('repeated' in difference)) return problemAt(path, 'only-in-event');
  return problemAt(path, 'differs');
}

/** A payload's value without {@link STAMPED_TIMES}; `undefined` where it has to be compared as a text. */
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
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
  );
}

function canonicalJson(value: unknown): string {
  if (value instanceof ExactNumber) return canonicalNumber(value.digits);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value)
    .sort((one, other) => (one < other ? -1 : 1))
    .map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name])}`);
  return `{${members.join()}}`;
}

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** The significant digits of a number and a power of ten, which are the same for every spelling of it. */
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
 * Whether the name of a member may be part of a path. Paths are kept and shown, and a sender may use somebody's number or
 * words as a name. A difference below such a name is reported for the object that holds it.
 */
function isName(name: string): boolean {
  return NAME.test(name) && name.replace(/\D/g, '').length <= MAX_DIGITS;
}
