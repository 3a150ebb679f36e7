/** A start that cannot go on, with the whole message for the person who runs it. */
export class StartFailure extends Error {
  override name = 'StartFailure';
}
