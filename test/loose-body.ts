// Webhook bodies as tests take them apart, in workerd and in Node.

/** The members of an object of JSON, each of any value. */
export type Fields = Record<string, unknown>;

/** A webhook body whose members may have any value, since tests break them. */
export interface Body extends Fields {
  event: Fields;
  message: Fields;
  clientData: Fields;
}
