// Any value in any field that may be odd.

import fc from 'fast-check';
import { ODDITY_PATHS } from '../../src/contract/documented-fields.ts';
import { writeJson } from '../json-text.ts';
import type { Body, Fields } from '../loose-body.ts';
import { anyJson } from './any-json.ts';

export interface OddField {
  /** The path, with dots, in a body that is {@link filledIn}. */
  path: string;
  value: unknown;
}

/** Without the step of a status, which is part of what identifies an event. */
const PATHS = ODDITY_PATHS.filter((path) => path !== 'event.status');

export const oddField: fc.Arbitrary<OddField> = fc.record({
  path: fc.constantFrom(...PATHS),
  value: anyJson.map((json): unknown => JSON.parse(writeJson(json))),
});

/** A documented body with everything that the platform documents, so that each field has its place. */
export function filledIn(body: { event: Fields; message: Fields }): Body {
  const location = { address: 'a', latitude: 1, longitude: 1, name: 'n' };
  const mediaData = { link: 'l', id: 'i', caption: 'c', filename: 'f' };
  return {
    clientData: { number: '+5544999999999', name: 'Maria', timeLastMessage: '2020-01-09T20:19:44.000Z' },
    ...body,
    message: { ...body.message, mediaData, location, failCode: 470, failMessage: 'f' },
  };
}

/** Puts a value in its field. */
export function putIn(body: Body, { path, value }: OddField): void {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const holder = keys.reduce((fields, key) => fields[key] as Fields, body as Fields);
  holder[last] = value;
}
