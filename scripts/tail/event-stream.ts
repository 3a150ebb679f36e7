// Parses server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation. Pure.

const DEFAULT_NAME = 'message';

export interface StreamEvent {
  name: string;
  data: string;
  /** Where to continue once this event has been handled. */
  lastEventId: string;
}

/** Takes the bytes of one stream as they arrive. An event that has not arrived completely does not count. */
export class EventStream {
  /** That of the last complete block, also of one without an event. */
  lastEventId: string;
  /** How long the server asks to wait before connecting again; `null` where it does not. */
  reconnectMs: number | null = null;

  readonly #decoder = new TextDecoder(); // takes away a byte order mark
  /** The line that is not complete yet. */
  #rest = '';
  /** After a CR, a line feed at the beginning of the next bytes belongs to the same line end. */
  #lastCharacter: string | undefined;
  #name = DEFAULT_NAME;
  #data: string[] = [];
  #id: string;

  /** @param lastEventId the event after which the connection continued. */
  constructor(lastEventId = '') {
    this.lastEventId = lastEventId;
    this.#id = lastEventId;
  }

  /** Takes the next bytes and returns the events that they complete. */
  read(bytes: Uint8Array): StreamEvent[] {
    const decoded = this.#decoder.decode(bytes, { stream: true });
    if (decoded === '') return [];
    const text = this.#lastCharacter === '\r' && decoded.startsWith('\n') ? decoded.slice(1) : decoded;
    this.#lastCharacter = decoded.at(-1);

    const events: StreamEvent[] = [];
    let start = 0;
    for (const { index, 0: lineEnd } of text.matchAll(/\r\n|\r|\n/g)) {
      const event = this.#takeLine(this.#rest + text.slice(start, index));
      if (event !== null) events.push(event);
      this.#rest = '';
      start = index + lineEnd.length;
    }
    this.#rest += text.slice(start);
    return events;
  }

  #takeLine(line: string): StreamEvent | null {
    if (line === '') return this.#endBlock();
    const colon = line.indexOf(':'); // at 0 in a comment, whose field is then none of these
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#name = value === '' ? DEFAULT_NAME : value;
    else if (field === 'data') this.#data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^[0-9]+$/.test(value)) this.reconnectMs = Number(value);
    return null;
  }

  #endBlock(): StreamEvent | null {
    const event = { name: this.#name, data: this.#data.join('\n'), lastEventId: this.#id };
    const hasData = this.#data.length > 0;
    this.#name = DEFAULT_NAME;
    this.#data = [];
    this.lastEventId = this.#id;
    return hasData ? event : null;
  }
}
