import type { z } from 'zod';
import { problem } from '../problem.ts';

/** What zValidator does with parameters that do not validate: every one named, as problem details. */
export function refuseParameters(
  result: { success: true } | { success: false; error: z.core.$ZodError },
): Response | undefined {
  if (result.success) return undefined;
  const errors = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: key, message: 'is not a known parameter' }))
      : [{ path: issue.path.map(String).join('.'), message: issue.message }],
  );
  return problem('invalid-parameters', 'Parameters are not valid; see errors.', { errors });
}
