import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll } from 'vitest';
import { reset } from './webhooks.ts';

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);

// The files take turns at one receiver, and each begins with a new one.
beforeAll(async () => reset());
