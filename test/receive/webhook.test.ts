import { beforeEach, describe, expect, it } from 'vitest';
import { ask, countRows, deliver, delivered, eventually, register, responseText } from '../webhooks.ts';
import { probe, reset } from '../worker.ts';

beforeEach(async () => {
  reset();
  await register('shop');
});

describe('a webhook', () => {
  it('is stored, forwarded and listed', async () => {
    const { status, answer } = await delivered(responseText);
    expect(answer).toEqual({ id: '5e178088a88ad9001b6e1914:i3i4321d:response', outcome: 'stored' });
    expect(status).toBe(200);
    await eventually('consumed', () => probe.consumed.length === 1);
    await eventually('outbox empty', async () => (await countRows('outbox')) === 0);
    expect(
      probe.statements.map((s) => [
        s.sql.trim().split(/\s+/).slice(0, 3).join(' '),
        s.rowsRead,
        s.rowsWritten,
      ]),
    ).toEqual([]);
  });
});
