// The migration files in the repository.
import { readdirSync } from 'node:fs';
import { CommandFailure } from './command-line.ts';

const MIGRATION_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

/**
 * The names of a directory's migrations in the order in which they are applied. Throws where names leave the order open: two
 * with one number, or a gap that could be filled after a later migration was applied.
 */
export function requireMigrations(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory)
      .filter((name) => name.endsWith('.sql'))
      .sort();
  } catch (error) {
    throw new CommandFailure(`The migrations could not be read: ${(error as Error).message}`);
  }
  if (names.length === 0) throw new CommandFailure(`There are no migrations in ${directory}.`);

  names.forEach((name, index) => {
    const number = MIGRATION_NAME.exec(name)?.[1];
    if (number === undefined) {
      throw new CommandFailure(`The migration ${name} must be named like 0002_what_it_does.sql.`);
    }
    const expected = String(index + 1).padStart(4, '0');
    if (number === expected) return;
    const previous = names[index - 1];
    throw new CommandFailure(
      previous?.startsWith(number)
        ? `The migrations ${previous} and ${name} have the same number.`
        : `The migration ${name} is number ${number}, but ${expected} is missing.`,
    );
  });
  return names;
}
