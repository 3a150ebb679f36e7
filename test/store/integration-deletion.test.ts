// What a deletion costs and how it is divided, by D1's own counts.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  deleteEmptyIntegration,
  deleteIntegrationAndContents,
} from '../../src/store/integration-deletion.ts';
import { api, countRows, register, reset, seen } from '../webhooks.ts';
import { planOf } from './query-plan.ts';
import { storeEvents } from './stored-events.ts';

const deleter = { actor: 'admin-token', now: Date.now };

beforeEach(async () => {
  await reset();
  await register('mail');
});

describe('the statements of a deletion', () => {
  it('find events and rejections by keys, whatever is stored', async () => {
    await storeEvents({ count: 10 });
    await api('DELETE', '/api/integrations/shop?force=true');
    const { statements } = await seen();
    const plans = await Promise.all(statements.map(async ({ sql }) => `${sql}\n→ ${await planOf(sql)}`));
    const [, , walk, waiting, usage, events, rejections, letters, retired, registered] = plans.map(
      (text) => text.split('→ ')[1],
    );

    expect(walk).toContain('SEARCH events USING INTEGER PRIMARY KEY (rowid>?)');
    expect(waiting).toContain('SEARCH e USING INTEGER PRIMARY KEY (rowid=?)');
    for (const statement of [usage, events]) {
      expect(statement).toContain('SEARCH events USING INTEGER PRIMARY KEY (rowid=?)');
    }
    expect(rejections).toContain(
      'SEARCH rejections USING COVERING INDEX rejections_by_integration (integration=?)',
    );
    expect(letters).toMatch(
      /SEARCH dead_letters USING (COVERING )?INDEX dead_letters_by_integration \(integration=\?\)/,
    );
    for (const retirement of [retired, registered]) {
      expect(retirement).toContain('SEARCH events USING INTEGER PRIMARY KEY (rowid>?)');
      expect(retirement).toMatch(/SEARCH dead_letters USING COVERING INDEX \S+ \(integration=\?\)/);
      expect(retirement).toMatch(/SEARCH rejections USING COVERING INDEX \S+ \(integration=\?\)/);
    }
    expect(plans.join('\n')).not.toMatch(
      /SCAN (events|rejections|dead_letters|integrations|usage)|USE TEMP B-TREE FOR ORDER/,
    );
  });

  it('read each event once to find those of an integration, and write only what is deleted', async () => {
    await storeEvents({ count: 30_000, integration: 'mail' });
    await storeEvents({ count: 2_500, firstSeq: 1_000_500 });
    await api('DELETE', '/api/integrations/shop?force=true');
    const { statements } = await seen();
    const walks = statements.filter(({ sql }) => sql.includes('lastSeq') && sql.includes('events'));
    expect(walks.map(({ rowsRead }) => rowsRead)).toEqual([25_000, 7_500]);
    const deletions = statements.filter(({ sql }) => sql.includes('DELETE FROM events'));
    expect(deletions).toHaveLength(3);
    expect(Math.max(...deletions.map(({ rowsRead }) => rowsRead))).toBeLessThanOrEqual(6_000); // one row each to know that it is not the newest
    expect(deletions.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0)).toBe(2_500);
  });

  it.each(['', '?force=true'])(
    'read nothing of what was stored before the integration was registered: %s',
    async (query) => {
      await storeEvents({ count: 5_000, integration: 'mail' });
      await api('POST', '/api/integrations', { slug: 'typo' });
      const before = (await seen()).statements.length;
      expect((await api('DELETE', `/api/integrations/typo${query}`)).status).toBe(200);
      const statements = (await seen()).statements.slice(before);
      expect(statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0)).toBeLessThan(20);
    },
  );
});

describe('a deletion', () => {
  it('ends when its statements are spent, and a repeat goes on from there', async () => {
    await storeEvents({ count: 5_500 });
    const first = await deleteIntegrationAndContents(env.DB, 'shop', {
      ...deleter,
      budget: { statements: 5, ms: 20_000 },
    });
    expect(first).toMatchObject({ outcome: 'unfinished', deleted: { events: 2_000 } });
    expect(await countRows('events')).toBe(3_500);

    let deletion = first;
    let requests = 1;
    for (; deletion.outcome === 'unfinished'; requests++) {
      const { walkedSeq } = deletion;
      const budget = { statements: 5, ms: 20_000 };
      deletion = await deleteIntegrationAndContents(env.DB, 'shop', { ...deleter, budget, walkedSeq });
    }
    expect(deletion.outcome).toBe('deleted');
    expect(requests).toBe(4);
    expect(await countRows('events')).toBe(0);
  });

  it('goes on where it came to, so that it also gets through the events of others', async () => {
    await storeEvents({ count: 60_000, integration: 'mail' });
    const budget = { statements: 1, ms: 20_000 };
    const seqs: number[] = [];
    let walkedSeq = 0;
    for (let request = 0; request < 3; request++) {
      const deletion = await deleteIntegrationAndContents(env.DB, 'shop', { ...deleter, budget, walkedSeq });
      if (deletion.outcome !== 'unfinished') throw new Error(deletion.outcome);
      walkedSeq = deletion.walkedSeq + 60_000_000; // the time by which clocks may differ
      seqs.push(deletion.walkedSeq);
    }
    expect(seqs).toEqual([1_000_000 + 24_999_000, 1_000_000 + 49_999_000, 1_000_000 + 59_999_000]);
    expect((await deleteIntegrationAndContents(env.DB, 'shop', { ...deleter, walkedSeq })).outcome).toBe(
      'deleted',
    );
  });

  it('is refused for an integration that seems empty where there was no time to look at everything', async () => {
    await storeEvents({ count: 30_000, integration: 'mail' });
    const budget = { statements: 1, ms: 20_000 };
    expect(await deleteEmptyIntegration(env.DB, 'shop', { ...deleter, budget })).toEqual({
      outcome: 'holding',
      holdings: { events: 0, isEveryEventCounted: false, rejections: 0, deadLetters: 0 },
    });
  });

  it('finds an event that the clock of another isolate put before the place that it came to', async () => {
    const nowSeq = Date.now() * 1000;
    await storeEvents({ count: 1, firstSeq: nowSeq, integration: 'mail' });
    await storeEvents({ count: 1, firstSeq: nowSeq - 5_000_000 });
    const deletion = await deleteIntegrationAndContents(env.DB, 'shop', { ...deleter, walkedSeq: nowSeq });
    expect(deletion).toMatchObject({ outcome: 'deleted', deleted: { events: 1 } });
  });
});
