// A minimal HTTP/1.1 client: one persistent connection, one request at a time, answers with a Content-Length.
import { connect, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';
/** Where the status begins in `HTTP/1.1 200 OK`. */
const STATUS_AT = 9;

/** Called with the status of an answer, or with an error when the connection broke. */
export type OnAnswer = (status: number | Error) => void;

export class HttpConnection {
  readonly #socket: Socket;
  #received: Buffer | undefined;
  #onAnswer: OnAnswer | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (error) => this.#answer(error));
    socket.on('close', () => this.#answer(new Error('the connection was closed')));
  }

  static async open(host: string, port: number): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new HttpConnection(socket));
      });
    });
  }

  get isBusy(): boolean {
    return this.#onAnswer !== undefined;
  }

  /** Sends a whole request, whose bytes must not change until it is answered. */
  send(request: Buffer, onAnswer: OnAnswer): void {
    if (this.#socket.destroyed) {
      onAnswer(new Error('the connection was closed'));
      return;
    }
    this.#onAnswer = onAnswer;
    this.#socket.write(request);
  }

  close(): void {
    this.#onAnswer = undefined;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const received = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk]);
    const headLength = received.indexOf(HEAD_END);
    if (headLength !== -1) {
      const head = received.toString('latin1', 0, headLength);
      const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
      if (length === undefined) {
        this.#answer(new Error('an answer did not state its length'));
        return;
      }
      if (received.length >= headLength + HEAD_END.length + Number(length)) {
        this.#received = undefined;
        this.#answer(Number(head.slice(STATUS_AT, STATUS_AT + 3)));
        return;
      }
    }
    this.#received = received;
  }

  #answer(status: number | Error): void {
    const onAnswer = this.#onAnswer;
    this.#onAnswer = undefined;
    onAnswer?.(status);
  }
}
