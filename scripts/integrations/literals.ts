// SQL with its parameters written into it, for wrangler's command line, which takes none. Whatever could be read
// otherwise than it was meant is refused: what is written here is run against a production database.

/**
 * What decides whether a `?` is a parameter: quoted texts, quoted names and comments, where it is none; parameters of
 * every kind; and quotes and comments without an end.
 * https://www.sqlite.org/lang_expr.html#varparam, https://www.sqlite.org/lang_comment.html
 */
const TOKEN =
  /('(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?\*\/)|\?\d*|[:@$]\w+|['"`[]|\/\*/g;

/**
 * Writes the values of `?1`, `?2` and so on into a statement: texts, whole numbers and null. To SQLite they are the
 * same values, except as a whole term of `ORDER BY` or `GROUP BY`, where a number that is written out names a column.
 *
 * Throws a `TypeError` for any other kind of value, for other parameters, and where values and parameters do not match.
 */
export function withLiterals(sql: string, values: readonly unknown[]): string {
  const literals = values.map(literal);
  const used = new Set<string>();
  const written = sql.replace(TOKEN, (token, inert: string | undefined) => {
    if (inert !== undefined) return inert;
    const number = /^\?([1-9]\d*)$/.exec(token)?.[1];
    const text = literals[Number(number) - 1];
    if (text === undefined) throw new TypeError(`${token} is no parameter that has a value, in: ${sql}`);
    used.add(token);
    return text;
  });
  if (used.size < literals.length) throw new TypeError(`There are more values than parameters, in: ${sql}`);
  return written;
}

function literal(value: unknown): string {
  if (value === null) return 'NULL';
  if (typeof value === 'string') return textLiteral(value);
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new TypeError(`Not a text, a whole number or null: ${typeof value}`);
  }
  return value < 0 ? `(${value})` : String(value); // `1-?1` must not become a comment
}

function textLiteral(text: string): string {
  // SQLite ends a text at NUL, and a lone surrogate would become another character on the way.
  if (text.includes('\0') || !text.isWellFormed()) throw new TypeError('A text with NUL or a lone surrogate');
  return `'${text.replaceAll("'", "''")}'`;
}
