// JSON out of the database: parsed, and checked to be what was written.

import * as z from 'zod';

/** The schema of a column that holds JSON: parses its text, and checks what it says. */
export function storedJson<Schema extends z.ZodType>(schema: Schema) {
  return z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);
}
