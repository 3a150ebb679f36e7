// The schemas of fields that many answers have.

import * as z from 'zod';

export const count = z.int().min(0);
export const moment = z.iso.datetime();
export const textOrNull = z.string().nullable();
