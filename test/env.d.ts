declare namespace Cloudflare {
  interface Env {
    TEST_MIGRATIONS: import('cloudflare:test').D1Migration[];
    /** Makes other cases for property tests, see seeded.ts; empty: the usual ones. */
    PROPERTY_SEED: string;
    /** The receiver under test, see receiver/worker.ts. */
    RECEIVER: Fetcher;
    PROBE: Service<import('./receiver/worker.ts').Probe>;
    PAYLOADS: Fetcher;
    /** A consumer built with the kit, see consumer/worker.ts, with its queue and its database. */
    KIT: Service<import('./consumer/worker.ts').Probe>;
    KIT_EVENTS: Queue;
    KIT_STATE: D1Database;
    /** The example's queue and database, and the platform that it answers to. */
    PUSH_EVENTS: Queue;
    PUSH_STATE: D1Database;
    PLATFORM: Service<import('./examples/platform.ts').Probe>;
    /** Cloudflare Access, as far as the receiver asks it for its keys. */
    ACCESS: Service<import('./api/access.ts').Probe>;
  }
}

/** A file as a `data:` address. */
declare module '*?inline' {
  const address: string;
  export default address;
}

declare module '*?raw' {
  const text: string;
  export default text;
}

interface ImportMeta {
  /** Modules, or their sources, by path: https://vite.dev/guide/features.html#glob-import */
  glob(pattern: string, options: object): Record<string, unknown>;
}
