// Bounds what may hang: a binding that does not answer must not keep an operator from being answered.

/** What `work` gives, or `null` where it fails or is not done after so long. */
export async function withinMs<T>(ms: number, work: Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const tooLate = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([work.catch(() => null), tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
