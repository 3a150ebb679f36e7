// Bodies as bytes, as text and as JSON. A stored payload is the text exactly as it came, a byte order mark included.

/** What a webhook's body may have. Those of the platform have about 1 KB. */
export const MAX_BODY_BYTES = 1_048_576;

const BYTE_ORDER_MARK = '\ufeff';

/** The text of a body, its byte order mark kept; `null` where it is not UTF-8. */
export function decodePayload(bytes: ArrayBuffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The bytes of a text that {@link decodePayload} gave, as they were. */
export function encodePayload(payload: string): ArrayBuffer {
  return new TextEncoder().encode(payload).buffer as ArrayBuffer; // never a shared one
}

/** The payload's JSON text, without what may stand before it. */
export function payloadJson(payload: string): string {
  return payload.startsWith(BYTE_ORDER_MARK) ? payload.slice(BYTE_ORDER_MARK.length) : payload;
}

/** The payload's value. Throws `SyntaxError` where it is not JSON, which no stored one is. */
export function parsePayload(payload: string): unknown {
  return JSON.parse(payloadJson(payload));
}

/** A number with the digits it came with, which a JavaScript number would round. */
export class WrittenNumber {
  readonly digits: string;
  constructor(digits: string) {
    this.digits = digits;
  }
}

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

/** The payload's value, with a {@link WrittenNumber} for each number. Throws where it is nested too deep as well. */
export function parseExactly(payload: string): unknown {
  const keepDigits: Reviver = (_, value, context) =>
    typeof value === 'number' && context?.source !== undefined ? new WrittenNumber(context.source) : value;
  return JSON.parse(payloadJson(payload), keepDigits);
}
