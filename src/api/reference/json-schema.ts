// zod schemas as the JSON Schemas of an OpenAPI document: those that have a name stand under `components`, and are
// referred to wherever they occur.

import * as z from 'zod';

export type JsonObject = Record<string, unknown>;

/** `input`: what is taken, before defaults and transforms; `output`: what is answered. */
export type Direction = 'input' | 'output';

export interface JsonSchemas {
  /** The JSON Schema of one of the zod schemas: a reference where it has a name. */
  schemaOf(schema: z.ZodType, direction: Direction): JsonObject;
  /** The named schemas. */
  components: JsonObject;
}

/** Writes the schemas of one document, all at once: one that occurs in many is gone through once. */
export function jsonSchemas(
  names: ReadonlyMap<z.ZodType, string>,
  used: Record<Direction, Iterable<z.ZodType>>,
): JsonSchemas {
  const input = writeSchemas(names, used.input, 'input');
  const output = writeSchemas(names, [...used.output, ...names.keys()], 'output');

  return {
    schemaOf(schema, direction) {
      const name = names.get(schema);
      if (name !== undefined) return { $ref: COMPONENTS + name };
      const json = { input, output }[direction].get(schema);
      if (json === undefined) throw new Error('a schema that was not announced');
      return json;
    },
    components: Object.fromEntries(Array.from(names, ([schema, name]) => [name, output.get(schema)])),
  };
}

const COMPONENTS = '#/components/schemas/';

function writeSchemas(
  names: ReadonlyMap<z.ZodType, string>,
  schemas: Iterable<z.ZodType>,
  direction: Direction,
): Map<z.ZodType, JsonObject> {
  const registry = z.registry<{ id: string }>();
  const ids = new Map<z.ZodType, string>();
  const register = (schema: z.ZodType, id: string) => {
    registry.add(schema, { id });
    ids.set(schema, id);
  };
  for (const [schema, name] of names) register(schema, name);
  for (const schema of new Set(schemas)) if (!ids.has(schema)) register(schema, `unnamed-${ids.size}`);
  const { schemas: written } = z.toJSONSchema(registry, {
    io: direction,
    uri: (id) => COMPONENTS + id,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => present(jsonSchema as JsonObject, direction),
  });
  return new Map(
    [...ids].map(([schema, id]) => {
      const { $schema: _, $id: __, ...json } = written[id] as unknown as JsonObject;
      return [schema, json];
    }),
  );
}

/** Puts what is told of a schema as JSON Schema has it, and leaves out what tells nobody anything. */
function present(json: JsonObject, direction: Direction): void {
  if (json.example !== undefined) {
    json.examples = [json.example];
    delete json.example;
  }
  if (json.format === 'date-time') delete json.pattern; // says the same at length
  if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
  if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
  // Answers may grow: who reads them lets pass what is new.
  if (direction === 'output' && json.additionalProperties === false) delete json.additionalProperties;
}
