// The command line of `npm run bench`. Reads it and nothing else.
import { SECTIONS, type Section } from './plan.ts';

export const USAGE = `Usage: npm run bench -- [options]

Compares this receiver with a Worker that only answers, and with one written in an afternoon, on this machine.

Options:
  --quick          a minute instead of about ten: shows that it works, not how fast it is
  --rounds N       times that every figure is measured; the median counts (default 5, quick 1)
  --only SECTION…  of ${SECTIONS.join(', ')} (default all)
  --json [FILE]    the figures as JSON, into a file or in place of the table
  --plot FILE.svg  the figures as a picture
  --profile FILE   no figures: a CPU profile of this receiver under load, for the developer tools of a browser
  --help           this text

Databases are kept in the directory for temporary files. On a slow disk its fsyncs are much of every p99: compare with
TMPDIR=/dev/shm, which is memory.`;

const MAX_ROUNDS = 50;

export interface RunOptions {
  kind: 'run';
  quick: boolean;
  rounds?: number;
  sections: readonly Section[];
  /** `true`: to standard output. */
  json?: string | true;
  plot?: string;
  profile?: string;
}

export type BenchOptions =
  | RunOptions
  | { kind: 'help' }
  | { kind: 'invalid' /** One line. */; reason: string };

/** Reads what follows `npm run bench --`. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const options: RunOptions = { kind: 'run', quick: false, sections: SECTIONS };
  const rest = args.flatMap(splitAssignment);
  /** The words up to the next option. */
  const takeWords = (most: number): string[] => {
    const end = rest.findIndex((word) => word.startsWith('--'));
    return rest.splice(0, Math.min(end === -1 ? rest.length : end, most));
  };
  for (let option = rest.shift(); option !== undefined; option = rest.shift()) {
    switch (option) {
      case '--help':
        return { kind: 'help' };
      case '--quick':
        options.quick = true;
        break;
      case '--rounds': {
        const [written = ''] = takeWords(1);
        const rounds = Number(written);
        if (!/^\d+$/.test(written) || rounds < 1 || rounds > MAX_ROUNDS) {
          return invalid(`--rounds takes a number from 1 to ${MAX_ROUNDS}`);
        }
        options.rounds = rounds;
        break;
      }
      case '--only': {
        const words = takeWords(SECTIONS.length).flatMap((word) => word.split(','));
        const unknown = words.find((word) => !isSection(word));
        if (unknown !== undefined || words.length === 0)
          return invalid(`--only takes ${SECTIONS.join(', ')}`);
        options.sections = SECTIONS.filter((section) => words.includes(section));
        break;
      }
      case '--json':
        options.json = takeWords(1)[0] ?? true;
        break;
      case '--plot':
      case '--profile': {
        const [file] = takeWords(1);
        if (file === undefined) return invalid(`${option} takes a file`);
        options[option === '--plot' ? 'plot' : 'profile'] = file;
        break;
      }
      default:
        return invalid(`there is no option ${option}`);
    }
  }
  return options;
}

function splitAssignment(word: string): string[] {
  const [, option, value] = /^(--[a-z]+)=(.+)$/.exec(word) ?? [];
  return option !== undefined && value !== undefined ? [option, value] : [word];
}

function isSection(word: string): word is Section {
  return (SECTIONS as readonly string[]).includes(word);
}

function invalid(reason: string): BenchOptions {
  return { kind: 'invalid', reason };
}
