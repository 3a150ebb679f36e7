import { env } from 'cloudflare:workers';
import { expect, it } from 'vitest';
import { boundedDatabase, boundedQueue, DatabaseUnavailable } from '../../src/runtime/bounded-bindings.ts';
import { NotAnsweredInTime } from '../../src/runtime/deadline.ts';

const over = () => 0;

it('a database asks nothing more once the time that it was given is over', async () => {
  let calls = 0;
  const counting = { prepare: () => ({ run: async () => calls++ }), batch: async () => calls++ };
  const db = boundedDatabase(counting as unknown as D1Database, over);
  await expect(db.prepare('SELECT 1').run()).rejects.toThrow(DatabaseUnavailable);
  await expect(db.batch([])).rejects.toThrow(DatabaseUnavailable);
  expect(calls).toBe(0);
});

it('a queue is sent nothing more once the time that it was given is over', async () => {
  const queue = boundedQueue({} as Queue, over);
  await expect(queue.send({})).rejects.toThrow(NotAnsweredInTime);
  await expect(queue.sendBatch([])).rejects.toThrow(NotAnsweredInTime);
});

it('a database that was bounded twice works as one', async () => {
  const db = boundedDatabase(boundedDatabase(env.DB), () => 10_000);
  const [one, two] = await db.batch([db.prepare('SELECT ?1 AS n').bind(1), db.prepare('SELECT 2 AS n')]);
  expect([one?.results, two?.results]).toEqual([[{ n: 1 }], [{ n: 2 }]]);
});
