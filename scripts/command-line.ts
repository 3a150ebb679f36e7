// Values of command lines, each checked where it is read, with one line that says what is wrong.

/** A command line that makes no sense. The message is one line for the person who wrote it. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** A number written in digits, within bounds. `name` is the option's, with its dashes. */
export function numberOf(name: string, text: string, { from, to, whole }: NumberRule): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= from && value <= to) || (whole && !Number.isSafeInteger(value))) {
    throw new UsageError(
      `${name} takes a ${whole ? 'whole ' : ''}number from ${from} to ${to}, not "${text}"`,
    );
  }
  return value;
}

export interface NumberRule {
  from: number;
  to: number;
  whole: boolean;
}

/** An http(s) URL. */
export function urlOf(name: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new UsageError(`${name} takes an http(s) URL`);
  return url;
}

/** What `read` gives, with parseArgs' own complaints made into one line. */
export function readCommandLine<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const isComplaint =
      error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE');
    if (!isComplaint) throw error;
    throw new UsageError(error.message.split('\n')[0]);
  }
}
