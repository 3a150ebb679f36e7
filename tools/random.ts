// Random numbers that can be repeated: the same label gives the same ones on every machine.
import { createHash } from 'node:crypto';

/**
 * Random numbers from a label, by sfc32 (Chris Doty-Humphrey, PractRand: https://pracrand.sourceforge.net/RNG_engines.txt),
 * seeded with the label's SHA-256. Each purpose has a label of its own, so that one more draw for it does not change others.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  constructor(label: string) {
    const digest = createHash('sha256').update(label).digest();
    this.#a = digest.readInt32LE(0);
    this.#b = digest.readInt32LE(4);
    this.#c = digest.readInt32LE(8);
    this.#counter = digest.readInt32LE(12);
  }

  /** A whole number of 32 bits. */
  #next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 up to, not including, 1. */
  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  /** True with a probability. It always draws once, so that another probability does not change later draws. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Choices extends readonly [unknown, ...unknown[]]>(choices: Choices): Choices[number] {
    return choices[this.whole(0, choices.length - 1)];
  }

  /** Random characters of an alphabet. */
  text(length: number, alphabet: string): string {
    let text = '';
    for (let index = 0; index < length; index++) text += alphabet[this.whole(0, alphabet.length - 1)];
    return text;
  }

  hex(length: number): string {
    return this.text(length, '0123456789abcdef');
  }
}
