// Which schemas the OpenAPI document has under a name of their own. Each is named where it is made, when its module is
// loaded, and never again.

import type * as z from 'zod';

const names = new Map<z.ZodType, string>();

/** Names a schema in the document, where it then stands once. A copy of it, such as `.extend()` makes, has no name. */
export function named<Schema extends z.ZodType>(name: string, schema: Schema): Schema {
  names.set(schema, name);
  return schema;
}

export const namedSchemas: ReadonlyMap<z.ZodType, string> = names;
