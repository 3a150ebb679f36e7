// Global types that the Worker's sources use, for scripts that run them in Node. The package of the Workers' own global types
// would hide Node's.

type D1Database = import('@cloudflare/workers-types').D1Database;
type D1PreparedStatement = import('@cloudflare/workers-types').D1PreparedStatement;
type D1Result<Row = unknown> = import('@cloudflare/workers-types').D1Result<Row>;
type Queue<Body = unknown> = import('@cloudflare/workers-types').Queue<Body>;
type RateLimit = import('@cloudflare/workers-types').RateLimit;
type CryptoKey = import('node:crypto').webcrypto.CryptoKey;
type ExecutionContext = import('@cloudflare/workers-types').ExecutionContext;
type Env = object;

declare module 'crypto' {
  namespace webcrypto {
    interface SubtleCrypto {
      timingSafeEqual(a: ArrayBuffer | ArrayBufferView, b: ArrayBuffer | ArrayBufferView): boolean;
    }
  }
}
