// Reads the command line of `npm run bench`.
import { numberOf, UsageError } from '../../scripts/command-line.ts';
import { type PlanOptions, SECTIONS } from './plan.ts';
import { MAX_ROUTES, SUBJECTS } from './subjects.ts';

/** The sections that measure other subjects as well. */
const COMPARED_SECTIONS = SECTIONS.filter((section) => section !== 'growth');

export const USAGE = `Usage: npm run bench -- [options]

Compares this receiver with a Worker that only answers, with one written in an afternoon, and with its own group commit
alone, which is the most that a receiver of its design could reach, on this machine.

Options:
  --quick             two minutes instead of about fifteen: shows that it works, not how fast it is
  --rounds N          times that every figure is measured; the median counts (default 5, quick 1)
  --only SECTION…     of ${SECTIONS.join(', ')} (default all)
  --subjects NAME…    of ${SUBJECTS.join(', ')}: what is measured, the receiver always (default all)
  --connections N…    numbers of connections that throughput is measured at (default 1, 16, 64, 256)
  --routes N…         numbers of routes that the cost of this receiver is measured with, 1 to ${MAX_ROUTES} (default 1, 4)
  --against REVISION  also this receiver as it was at a revision that git knows, such as HEAD~20: built from the
                      sources of then with the dependencies of now, measured in turn with the others in every
                      round of ${COMPARED_SECTIONS.join(', ')}, and compared
  --json [FILE]       the figures as JSON, into a file or in place of the table
  --help              this text

Databases are kept in the directory for temporary files. On a slow disk its fsyncs are much of every p99: compare with
TMPDIR=/dev/shm, which is memory.`;

const MAX_ROUNDS = 50;
/** The usual limit of open files allows so many in the load process. */
const MAX_CONNECTIONS = 1_000;

export interface RunOptions extends PlanOptions {
  kind: 'run';
  /** A file; `true` for standard output. */
  json?: string | true;
}

/** Reads what follows `npm run bench --`. Throws `UsageError`. */
export function parseBenchOptions(args: readonly string[]): RunOptions | { kind: 'help' } {
  const options: RunOptions = { kind: 'run', quick: false, sections: SECTIONS };
  const rest = args.flatMap(splitAssignment);
  /** Takes the words up to the next option. */
  const takeWords = (most: number): string[] => {
    const end = rest.findIndex((word) => word.startsWith('--'));
    return rest.splice(0, Math.min(end === -1 ? rest.length : end, most));
  };
  /** The same, also separated by commas. */
  const takeList = (): string[] =>
    takeWords(rest.length)
      .flatMap((word) => word.split(','))
      .filter((word) => word !== '');
  for (let option = rest.shift(); option !== undefined; option = rest.shift()) {
    switch (option) {
      case '--help':
        return { kind: 'help' };
      case '--quick':
        options.quick = true;
        break;
      case '--rounds': {
        const [written = ''] = takeWords(1);
        options.rounds = numberOf(option, written, { from: 1, to: MAX_ROUNDS, whole: true });
        break;
      }
      case '--only': {
        options.sections = chosen(option, SECTIONS, takeList());
        break;
      }
      case '--subjects': {
        const subjects = chosen(option, SUBJECTS, takeList());
        if (!subjects.includes('receiver'))
          throw new UsageError('--subjects takes the receiver with any others');
        options.subjects = subjects;
        break;
      }
      case '--connections': {
        options.connections = ascending(option, takeList(), MAX_CONNECTIONS);
        break;
      }
      case '--routes': {
        options.routes = ascending(option, takeList(), MAX_ROUTES);
        break;
      }
      case '--against': {
        const [revision] = takeWords(1);
        if (revision === undefined || revision.startsWith('-')) {
          throw new UsageError('--against takes a revision, such as HEAD~20 or a tag');
        }
        options.against = revision;
        break;
      }
      case '--json':
        options.json = takeWords(1)[0] ?? true;
        break;
      default:
        throw new UsageError(`there is no option ${option}`);
    }
  }
  const { against, sections } = options;
  if (against !== undefined && !COMPARED_SECTIONS.some((section) => sections.includes(section))) {
    throw new UsageError(
      `--against compares in ${COMPARED_SECTIONS.join(', ')}, and --only leaves them all out`,
    );
  }
  return options;
}

/** The named ones of `all`, in their order. */
function chosen<T extends string>(option: string, all: readonly T[], words: readonly string[]): T[] {
  const known: readonly string[] = all;
  if (words.length === 0 || words.some((word) => !known.includes(word))) {
    throw new UsageError(`${option} takes ${all.join(', ')}`);
  }
  return all.filter((name) => words.includes(name));
}

/** Whole numbers from 1 on, each once. */
function ascending(option: string, words: readonly string[], to: number): number[] {
  if (words.length === 0) throw new UsageError(`${option} takes numbers`);
  const numbers = new Set(words.map((word) => numberOf(option, word, { from: 1, to, whole: true })));
  return [...numbers].sort((a, b) => a - b);
}

function splitAssignment(word: string): string[] {
  const [, option, value] = /^(--[a-z]+)=(.+)$/.exec(word) ?? [];
  return option !== undefined && value !== undefined ? [option, value] : [word];
}
