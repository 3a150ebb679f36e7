declare namespace Cloudflare {
  interface Env {
    TEST_MIGRATIONS: import('cloudflare:test').D1Migration[];
    /** The receiver under test, see receiver/worker.ts. */
    RECEIVER: Fetcher;
    PROBE: Service<import('./receiver/worker.ts').Probe>;
  }
}

declare module '*?raw' {
  const text: string;
  export default text;
}
