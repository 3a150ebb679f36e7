// The schemas of fields that many answers have.

import * as z from 'zod';

/** Counts of what waits end there: so many, or more. */
export { MAX_COUNTED } from '../store/database.ts';

export const count = z.int().min(0);
export const moment = z.iso.datetime();
export const textOrNull = z.string().nullable();
