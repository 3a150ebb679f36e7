// Reads the JSON bodies of the API, checks them against a schema, and refuses those that do not meet it with every problem
// named.

import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { every } from 'hono/combine';
import { decodePayload, parsePayload } from '../contract/payload.ts';
import { problemsIn } from '../contract/problems.ts';
import type { Body } from '../http/operation.ts';
import { problem } from '../http/problem-details.ts';

/** Many times the size of the largest sensible body. */
export const MAX_API_BODY_BYTES = 65_536;

/** `application/json`, and types with the suffix `+json` (RFC 6839, section 3.1). */
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json *(?:;|$)/i;

/**
 * Reads a body as JSON that meets a schema, for `c.req.valid('json')`. Hono's own validator takes a body without a JSON
 * content type for `{}`, which misleads; refusing it also keeps out what a form on a foreign page can send.
 */
export function jsonBody({ schema, isOptional = false }: Body): MiddlewareHandler {
  const limitBody = bodyLimit({
    maxSize: MAX_API_BODY_BYTES,
    onError: () => problem('body-too-large', `A body has at most ${MAX_API_BODY_BYTES} bytes.`),
  });
  const readBody: MiddlewareHandler = async (c, next) => {
    const read = readJson(await c.req.raw.arrayBuffer(), c.req.header('content-type'), isOptional);
    if (!read.ok) return read.refusal;
    const result = schema.safeParse(read.value);
    if (!result.success) {
      const errors = problemsIn(result.error, read.value);
      return problem('invalid-body', 'The body is not valid; see errors.', { errors });
    }
    c.req.addValidatedData('json', result.data as object);
    return next();
  };
  return every(limitBody, readBody);
}

type ReadJson = { ok: true; value: unknown } | { ok: false; refusal: Response };

function readJson(bytes: ArrayBuffer, contentType: string | undefined, isOptional: boolean): ReadJson {
  const isEmpty = bytes.byteLength === 0;
  if (contentType === undefined ? !isEmpty : !JSON_TYPE.test(contentType)) {
    return refused('not-json-type', 'Send the body as `Content-Type: application/json`.');
  }
  if (isEmpty) return isOptional ? { ok: true, value: {} } : refused('not-json', 'The body is empty.');
  const text = decodePayload(bytes);
  if (text === null) return refused('not-utf8', 'JSON is exchanged in UTF-8 (RFC 8259, section 8.1).');
  try {
    return { ok: true, value: parsePayload(text) };
  } catch {
    return refused('not-json', 'The body cannot be parsed as JSON (RFC 8259).');
  }
}

function refused(...[code, detail]: Parameters<typeof problem>): ReadJson {
  return { ok: false, refusal: problem(code, detail) };
}
