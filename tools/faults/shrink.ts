// Looks for the shortest schedule that still shows a violation: parts are left out, many at a time and then one by one, as long
// as the same rule is violated (after Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input").
import type { Rule, Violation } from './rules.ts';
import { onlyParts, partNames, type Schedule } from './schedule.ts';

const MAX_RUNS = 400;

/** The parts of the shortest schedule that was found, and its violations. */
export interface Shrunken {
  parts: string[];
  violations: Violation[];
  runs: number;
}

/** @param violationsOf runs a schedule. */
export async function shrink(
  schedule: Schedule,
  rule: Rule,
  violationsOf: (schedule: Schedule) => Promise<Violation[]>,
): Promise<Shrunken> {
  let parts = partNames(schedule);
  let violations: Violation[] = [];
  let runs = 0;
  const stillShows = async (names: string[]): Promise<boolean> => {
    runs++;
    const found = (await violationsOf(onlyParts(schedule, new Set(names)))).filter(
      (one) => one.rule === rule,
    );
    if (found.length === 0) return false;
    violations = found;
    return true;
  };
  for (let chunk = Math.ceil(parts.length / 2); chunk >= 1 && runs < MAX_RUNS; ) {
    let isShorter = false;
    for (let from = 0; from < parts.length && runs < MAX_RUNS; ) {
      const rest = [...parts.slice(0, from), ...parts.slice(from + chunk)];
      if (await stillShows(rest)) {
        parts = rest;
        isShorter = true;
      } else from += chunk;
    }
    if (chunk === 1 && !isShorter) break;
    if (!isShorter || chunk > parts.length) chunk = Math.floor(chunk / 2);
  }
  return { parts, violations, runs };
}
