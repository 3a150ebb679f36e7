// Long work in the database is cut into short steps, D1 having one writer: webhooks come in between. A run takes steps
// until nothing is left or its budget is spent; the next run goes on where it ended.

/** What one run may take. */
export interface WorkLimits {
  statements: number;
  ms: number;
}

/**
 * What one request may take of the 1,000 statements that D1 takes in an invocation
 * (https://developers.cloudflare.com/d1/platform/limits/).
 */
export const REQUEST_STATEMENTS = 900;

/** What is left of a run's limits. */
export class WorkBudget {
  #left: number;
  readonly #isLate: () => boolean;
  readonly #whole: WorkBudget | undefined;

  /**
   * @param left how many steps, statements or subrequests it may take.
   * @param whole a budget that this one is a part of.
   */
  constructor(left: number, isLate = () => false, whole?: WorkBudget) {
    this.#left = left;
    this.#isLate = isLate;
    this.#whole = whole;
  }

  static within({ statements, ms }: WorkLimits, now: () => number): WorkBudget {
    const endsAtMs = now() + ms;
    return new WorkBudget(statements, () => now() >= endsAtMs);
  }

  /** What is left of this budget, until it is too late. */
  until(isLate: () => boolean): WorkBudget {
    return new WorkBudget(Number.POSITIVE_INFINITY, isLate, this);
  }

  spend(amount: number): void {
    this.#left -= amount;
    this.#whole?.spend(amount);
  }

  isSpent(): boolean {
    return this.#left <= 0 || this.#isLate() || this.#whole?.isSpent() === true;
  }
}

/**
 * Repeats a step, each of which spends 1, until one says that there is nothing left to do, or the budget is spent.
 *
 * @param step says whether more is left. It spends what it takes besides its first statement.
 * @returns whether nothing is left.
 */
export async function repeatWithin(budget: WorkBudget, step: () => Promise<boolean>): Promise<boolean> {
  while (!budget.isSpent()) {
    budget.spend(1);
    if (!(await step())) return true;
  }
  return false;
}

/**
 * Deletes rows for which a condition holds, oldest first, in chunks, until none is left or the budget is spent.
 *
 * @param rows the parameters of its condition are numbered from ?2 on.
 * @returns how many were deleted.
 */
export async function deleteWithin(
  budget: WorkBudget,
  db: D1Database,
  { table, index = '', condition }: { table: string; index?: string; condition: string },
  chunkRows: number,
  ...values: (string | number)[]
): Promise<number> {
  const deletion = db.prepare(
    `DELETE FROM ${table} WHERE rowid IN (
       SELECT rowid FROM ${table} ${index} WHERE ${condition} ORDER BY rowid LIMIT ?1
     )
     RETURNING rowid`, // `changes` would count what triggers write as well
  );
  let deleted = 0;
  await repeatWithin(budget, async () => {
    const { results } = await deletion.bind(chunkRows, ...values).run();
    deleted += results.length;
    return results.length === chunkRows;
  });
  return deleted;
}
