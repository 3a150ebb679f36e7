// Optional secrets. `wrangler types`, which writes worker-configuration.d.ts, knows only the required ones of wrangler.toml.

interface Env {
  /** Opens the API for reading; see env.ts. */
  READ_TOKEN?: string;
}
