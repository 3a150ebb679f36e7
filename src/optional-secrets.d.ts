// Secrets that a deployment may go without. `wrangler types` writes worker-configuration.d.ts, and knows only those
// that `[secrets] required` in wrangler.toml lists.

interface Env {
  /** Opens the API for reading; see env.ts. */
  READ_TOKEN?: string;
}
