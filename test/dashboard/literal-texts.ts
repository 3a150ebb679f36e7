// Finds words that are written into a page instead of into texts/: between tags, as the string that an expression
// between tags comes to, and in the attributes that people read. A scanner of as much TSX as that takes.

/** Attributes that are read out or shown. */
const READ_ATTRIBUTES = new Set(['aria-label', 'aria-description', 'placeholder', 'title', 'alt', 'label']);
export const HAS_WORD = /\p{L}{2}/u;
/** What an expression between tags can come to: a string behind one of these. */
const RESULT_FOLLOWS = /(?:^|\?|:|&&|\|\|)$/;

/** The words in the source of a page, in their order. */
export function literalTexts(source: string): string[] {
  const scanner = new Scanner(source);
  while (!scanner.isAtEnd()) scanner.code();
  return scanner.found;
}

class Scanner {
  readonly found: string[] = [];
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  isAtEnd(): boolean {
    return this.#at >= this.#source.length;
  }

  #startsWith(text: string): boolean {
    return this.#source.startsWith(text, this.#at);
  }

  /** Takes what a pattern with the flag `y` matches here. */
  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [taken = ''] = pattern.exec(this.#source) ?? [];
    this.#at += taken.length;
    return taken;
  }

  #tell(texts: readonly string[]): void {
    const written = texts.map((text) => text.replace(/&\w+;/g, ' ').replace(/\s+/g, ' ').trim());
    this.found.push(...written.filter((words) => HAS_WORD.test(words)));
  }

  /** One token of TypeScript, or an element in it. Gives it where it is a string. */
  code(): string | null {
    if (this.#take(/\s+|\/\/.*|\/\*[\s\S]*?\*\//y) !== '') return null;
    if (this.#startsWith("'") || this.#startsWith('"')) return this.#string();
    if (this.#startsWith('`')) return this.#template();
    if (this.#startsWith('/') && this.#isOperandNext() && this.#take(REGEXP) !== '') return null;
    if (this.#startsWith('<') && this.#isOperandNext() && ELEMENT.test(this.#source.slice(this.#at))) {
      this.#element();
      return null;
    }
    if (this.#take(/[\w$]+/y) === '') this.#at++;
    return null;
  }

  /** Whether a value can begin here: else `<` compares or opens type arguments, and `/` divides. */
  #isOperandNext(): boolean {
    const before = this.#source.slice(0, this.#at).trimEnd();
    return /(?:^|[^\w$)\]'"`]|\b(?:return|default|case))$/.test(before);
  }

  #string(): string {
    const taken = this.#take(/'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/y);
    return taken.slice(1, -1);
  }

  /** Gives what stands between the values that are put in. */
  #template(): string {
    let text = '';
    this.#at++;
    while (!this.isAtEnd() && !this.#startsWith('`')) {
      text += this.#take(/(?:\\.|\$(?!\{)|[^\\$`])+/y);
      if (this.#startsWith('${')) {
        this.#at++;
        this.#braces();
        text += ' ';
      }
    }
    this.#at++;
    return text;
  }

  /** Code in braces. Gives the strings that it can come to. */
  #braces(): string[] {
    const results: string[] = [];
    this.#at++;
    const beginsAt = this.#at;
    for (let depth = 0; !this.isAtEnd(); ) {
      const char = this.#source[this.#at] ?? '';
      if (depth === 0 && char === '}') break;
      if ('([{'.includes(char)) depth++;
      if (')]}'.includes(char)) depth--;
      const before = this.#source.slice(beginsAt, this.#at).trim();
      const text = this.code();
      if (text !== null && depth === 0 && RESULT_FOLLOWS.test(before)) results.push(text);
    }
    this.#at++;
    return results;
  }

  /** An element or a fragment, from `<` to the end of its last tag. */
  #element(): void {
    this.#at++;
    const name = this.#take(/[\w.-]*/y);
    while (!this.isAtEnd() && !this.#startsWith('>') && !this.#startsWith('/>')) this.#attribute();
    if (this.#startsWith('/>')) {
      this.#at += 2;
      return;
    }
    this.#at++;
    while (!this.isAtEnd() && !this.#startsWith(`</${name}`)) this.#child();
    this.#take(/<\/[\w.-]*\s*>/y);
  }

  #attribute(): void {
    if (this.#take(/\s+/y) !== '') return;
    if (this.#startsWith('{')) {
      this.#braces();
      return;
    }
    const name = this.#take(/[\w:-]+/y);
    if (name === '') this.#at++; // the `=`, and what is no attribute
    if (this.#take(/=/y) === '') return;
    const values = this.#startsWith('{') ? this.#braces() : [this.#string()];
    if (READ_ATTRIBUTES.has(name)) this.#tell(values);
  }

  #child(): void {
    if (this.#startsWith('{')) this.#tell(this.#braces());
    else if (this.#startsWith('<')) this.#element();
    else this.#tell([this.#take(/[^<{]+/y)]);
  }
}

const REGEXP = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
const ELEMENT = /^<(?:>|[A-Za-z])/;
