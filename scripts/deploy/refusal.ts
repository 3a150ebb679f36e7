/** A deployment that must not go on, with the whole message for the person who runs it. */
export class Refusal extends Error {
  override name = 'Refusal';
}
