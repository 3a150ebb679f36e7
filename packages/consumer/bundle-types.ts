// Bundles declaration files into one that has only what is exported and what that refers to. The contract declares much that
// consumers never see, above all zod's schemas.
import { readFile } from 'node:fs/promises';
import { parseAst } from 'rolldown/parseAst';

interface Declaration {
  file: string;
  /** With its comment, and without `export`. */
  text: string;
  /** All names in it, those of members and parameters too. */
  names: Set<string>;
}

/**
 * Bundles declaration files. Names must be the same everywhere: imports and exports that rename are refused, and so are
 * two files that both declare a name which is needed.
 *
 * @param index the file whose exports are those of the bundle. It re-exports and declares nothing.
 * @param files all files, `index` aside.
 */
export async function bundleTypes(index: string, files: readonly string[]): Promise<string> {
  const declarations = new Map<string, Declaration[]>();
  for (const file of files) {
    for (const [name, declaration] of declarationsIn(file, await readFile(file, 'utf8'))) {
      declarations.set(name, [...(declarations.get(name) ?? []), declaration]);
    }
  }

  const exported = exportsOf(await readFile(index, 'utf8'));
  const needed = new Set(exported);
  const texts: string[] = [];
  for (const name of needed) {
    const found = declarations.get(name) ?? [];
    if (found.length === 0 && exported.includes(name)) throw new Error(`${name} is not declared`);
    if (new Set(found.map(({ file }) => file)).size > 1) throw new Error(`${name} is declared twice`);
    for (const { text, names } of found) {
      texts.push(text);
      for (const other of names) if (declarations.has(other)) needed.add(other); // reached by this very loop
    }
  }
  return `${texts.join('\n')}\nexport { ${exported.join(', ')} };\n`;
}

function* declarationsIn(file: string, source: string): Generator<[name: string, Declaration]> {
  let end = 0;
  for (const statement of parseAst(source, { lang: 'dts' }).body) {
    const comment = source.slice(end, statement.start);
    end = statement.end;
    if (statement.type === 'ImportDeclaration') continue;
    const isExport = statement.type === 'ExportNamedDeclaration';
    const declaration = isExport ? statement.declaration : statement;
    if (declaration === null) continue; // export {}
    const text = (comment + source.slice(declaration.start, declaration.end)).trim();
    const names = namesIn(declaration);
    const [name] = names; // what is declared comes first
    if (name !== undefined) yield [name, { file, text, names }];
  }
}

/** The identifiers in a part of a syntax tree, in their order. */
function namesIn(part: unknown, names = new Set<string>()): Set<string> {
  if (typeof part !== 'object' || part === null) return names;
  const { type, name } = part as { type?: unknown; name?: unknown };
  if (type === 'Identifier' && typeof name === 'string') names.add(name);
  for (const child of Object.values(part)) namesIn(child, names);
  return names;
}

function exportsOf(source: string): string[] {
  return parseAst(source, { lang: 'dts' }).body.flatMap((statement) => {
    if (statement.type !== 'ExportNamedDeclaration') throw new Error(`index has ${statement.type}`);
    return statement.specifiers.map(({ local, exported }) => {
      if (local.type !== 'Identifier' || exported.type !== 'Identifier' || local.name !== exported.name) {
        throw new Error('index renames an export');
      }
      return exported.name;
    });
  });
}
