// Server-sent events out of bytes, by the rules of
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation. Does no I/O.

const DEFAULT_NAME = 'message';

export interface StreamEvent {
  name: string;
  data: string;
  /** The place to go on from, once this event has been dealt with. */
  lastEventId: string;
}

/** One stream's bytes, as they come. What has not come completely when the stream is cut never counts. */
export class EventStream {
  /** Of the last complete block, with an event in it or without. */
  lastEventId: string;
  /** What the server wants waited before one connects again; `null`: it did not say. */
  reconnectMs: number | null = null;

  readonly #decoder = new TextDecoder(); // takes away a byte order mark
  /** The line that has not ended yet. */
  #rest = '';
  /** After a CR, a line feed that comes first is the other half of that line's end. */
  #lastCharacter: string | undefined;
  #name = DEFAULT_NAME;
  #data: string[] = [];
  #id: string;

  /** @param lastEventId what the connection went on from. */
  constructor(lastEventId = '') {
    this.lastEventId = lastEventId;
    this.#id = lastEventId;
  }

  /** Takes the next bytes; gives the events that are complete with them. */
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
