// Converts bodies between bytes, text and JSON. A stored payload is the text exactly as it came, a byte order mark included.

/** The largest body of a webhook that is taken. Those of the platform have about 1 KB. */
export const MAX_BODY_BYTES = 1_048_576;

const BYTE_ORDER_MARK = '\ufeff';

/** The text of a body with its byte order mark; `null` where it is not UTF-8. */
export function decodePayload(bytes: ArrayBuffer): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** The original bytes of a text that {@link decodePayload} gave. */
export function encodePayload(payload: string): ArrayBuffer {
  return new TextEncoder().encode(payload).buffer as ArrayBuffer; // never a SharedArrayBuffer
}

/** The payload without its byte order mark, which is no JSON. */
export function payloadJson(payload: string): string {
  return payload.startsWith(BYTE_ORDER_MARK) ? payload.slice(BYTE_ORDER_MARK.length) : payload;
}

/** The payload's value. Throws `SyntaxError` where it is not JSON, which cannot happen with a stored payload. */
export function parsePayload(payload: string): unknown {
  return JSON.parse(payloadJson(payload));
}

/** A number with its digits as they were written, which a JavaScript number may round. */
export class ExactNumber {
  readonly digits: string;
  constructor(digits: string) {
    this.digits = digits;
  }
}

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

/** The payload's value with a {@link ExactNumber} for each number. Throws also where it is nested too deep. */
export function parseExactly(payload: string): unknown {
  const keepDigits: Reviver = (_, value, context) =>
    typeof value === 'number' && context?.source !== undefined ? new ExactNumber(context.source) : value;
  return JSON.parse(payloadJson(payload), keepDigits);
}
