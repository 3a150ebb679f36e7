import { applyD1Migrations } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeAll } from 'vitest';
import { reset } from './webhooks.ts';

await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);

// Files take turns at one receiver, which each finds as it was at first.
beforeAll(async () => reset());
