// How property tests run: the same cases every time, unless other ones are asked for.

import { env } from 'cloudflare:workers';
import fc from 'fast-check';

/**
 * What the cases are made from. `PROPERTY_SEED=7 npm test` makes others; a property that fails prints the seed of its
 * own that makes it fail again.
 */
export const SEED = Number(env.PROPERTY_SEED || 20_200_618);

/** A counterexample is made smaller for so long, and then shown as it is. */
const SHRINK_MS = 60_000;
/** For a test of a property: its cases take seconds, a counterexample {@link SHRINK_MS} more. */
export const PROPERTY_TIMEOUT_MS = 4 * SHRINK_MS;

/** Enough for pure code, which is cheap to try. */
const PURE_RUNS = 3_000;

/** Throws the smallest counterexample of a property that does not hold. */
export async function expectHolds<Ts>(
  property: fc.IRawProperty<Ts>,
  parameters: fc.Parameters<Ts> = {},
): Promise<void> {
  const details = await fc.check(property, {
    seed: SEED,
    numRuns: PURE_RUNS,
    interruptAfterTimeLimit: SHRINK_MS,
    includeErrorInReport: true,
    ...parameters,
  });
  if (!details.failed) return;
  // The test runner breaks off altogether when a lone surrogate is reported to it, be it in a `cause`.
  throw new Error((await fc.asyncDefaultReportMessage(details))?.toWellFormed());
}

/** Requests at the same time are cheap for the receiver: they share its statements. */
const MAX_BATCH = 200;
/** Batches made from one seed. */
const ROUND_BATCHES = 10;

/** The length of a batch: anything up to `maxLength`. None at all, too: else what is beside a bad case stays there. */
export function batchLength(maxLength = MAX_BATCH): fc.ArrayConstraints {
  return { minLength: 0, maxLength, size: 'max' };
}

/**
 * Checks a property of batches of cases until there were as many cases. One bad case in a batch is found by itself:
 * batches shrink.
 *
 * @returns how many cases there were.
 */
export async function checkInBatches<Case>(
  minCases: number,
  batches: fc.Arbitrary<Case[]>,
  check: (batch: Case[]) => Promise<void>,
): Promise<number> {
  let cases = 0;
  const property = fc.asyncProperty(batches, async (batch) => {
    cases += batch.length;
    await check(batch);
  });
  for (let seed = SEED; cases < minCases; seed++) {
    await expectHolds(property, { seed, numRuns: ROUND_BATCHES });
  }
  return cases;
}
