// Migrations of a database that holds something already.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { type ContractProblem, problemAt, readProblems } from '../../src/contract/problems.ts';
import { confirmSql, isWaitingSql } from '../../src/store/stretches.ts';
import { MIGRATIONS } from '../../tools/declared-worker.ts';
import { Random } from '../../tools/random.ts';

const FILES = readdirSync(MIGRATIONS).sort();

function migrate(db: DatabaseSync, files: readonly string[]): void {
  for (const file of files) db.exec(readFileSync(join(MIGRATIONS, file), 'utf8'));
}

describe('the migration that sums what is kept', () => {
  const before = FILES.filter((file) => file < '0006');
  const since = FILES.filter((file) => file >= '0006');

  it('sums what is there, and marks what was recorded long after it came as deferred', () => {
    const db = new DatabaseSync(':memory:');
    migrate(db, before);
    const atMs = 1_772_330_400_000;
    const reject = db.prepare(
      `INSERT INTO rejections (
         seq, integration, generation, body_hash, reason, problems, request_id, received_at, last_received_at, body,
         body_encoding
       ) VALUES (?1, ?2, 1, ?1, 'not-json', '[]', 'r', ?3, ?3, ?4, 'utf-8')`,
    );
    reject.run(atMs * 1000, 'shop', atMs, 'ã');
    reject.run(atMs * 1000 + 1, 'shop', atMs - 2_000, '{}');
    reject.run(atMs * 1000 + 2, 'shop', atMs - 60_000, 'late');
    reject.run(atMs * 1000 + 3, 'mail', atMs, '');
    const bury = db.prepare(
      `INSERT INTO dead_letters (seq, message_id, integration, attempts, received_at, body)
       VALUES (?1, ?1, ?2, 1, 0, ?3)`,
    );
    bury.run(1, 'shop', '{"a":1}');
    bury.run(2, null, 'null');
    migrate(db, since);

    expect(
      db
        .prepare('SELECT kind, integration, items, bytes FROM usage ORDER BY 1, 2')
        .all()
        .map((row) => Object.values(row)),
    ).toEqual([
      ['dead-letter', '', 1, 4],
      ['dead-letter', 'shop', 1, 7],
      ['deferred-rejection', 'shop', 1, 4],
      ['rejection', 'mail', 1, 0],
      ['rejection', 'shop', 2, 4],
    ]);
    db.exec('DELETE FROM rejections; DELETE FROM dead_letters');
    expect(db.prepare('SELECT sum(items) AS items, sum(bytes) AS bytes FROM usage').get()).toEqual({
      items: 0,
      bytes: 0,
    });
  });
});

describe('the migration of Mexican and Argentinian contacts', () => {
  const before = FILES.filter((file) => file < '0010');
  const since = FILES.filter((file) => file >= '0010');

  it('takes out the digit that WhatsApp adds, wherever a contact is kept, and leaves others as they are', () => {
    const db = new DatabaseSync(':memory:');
    migrate(db, before);
    const contacts = [
      '+5215512345678',
      '+525512345678',
      '+5491123456789',
      '+5541988956674',
      '+52155',
      '178@lid',
      '',
    ];
    const store = db.prepare(
      `INSERT INTO events (seq, id, integration, type, contact, app_id, request_id, received_at, occurred_at, payload)
       VALUES (?1, ?1, 'shop', 'response', ?2, 'a', 'r', 0, 0, '{}')`,
    );
    const bury = db.prepare(
      'INSERT INTO dead_letters (seq, message_id, contact, attempts, received_at, body) VALUES (?1, ?1, ?2, 1, 0, ?3)',
    );
    const replay = db.prepare(
      `INSERT INTO replays (id, actor, filter, state, from_seq, until_seq, next_seq, updated_at)
       VALUES (?1, 'a', json_object('contact', ?2), 'running', 0, 0, 0, 0)`,
    );
    for (const [index, contact] of contacts.entries()) {
      store.run(index + 1, contact);
      bury.run(index + 1, contact, '{}');
      replay.run(index + 1, contact);
    }
    const note = db.prepare("INSERT INTO business_numbers VALUES (?1, 'shop', ?2, ?3)");
    note.run('+5215512345678', 1, 1);
    note.run('+525512345678', 2, 0);
    note.run('+5491123456789', 3, 0);
    migrate(db, since);

    const values = (sql: string) =>
      db
        .prepare(sql)
        .all()
        .map((row) => Object.values(row)[0]);
    const rewritten = [
      '+525512345678',
      '+525512345678',
      '+541123456789',
      '+5541988956674',
      '+52155',
      '178@lid',
      '',
    ];
    expect(values('SELECT contact FROM events ORDER BY seq')).toEqual(rewritten);
    expect(values('SELECT contact FROM dead_letters ORDER BY seq')).toEqual(rewritten);
    expect(values("SELECT filter ->> 'contact' FROM replays ORDER BY id")).toEqual(rewritten);
    expect(values('SELECT json_array(number, has_several) FROM business_numbers ORDER BY number')).toEqual([
      '["+525512345678",1]',
      '["+541123456789",0]',
    ]);
  });
});

describe('the migration of problems to codes', () => {
  const before = FILES.filter((file) => file < '0013');
  const since = FILES.filter((file) => file >= '0013');
  /** What was written before, and what it is now. */
  const SAID: ContractProblem[] = [
    problemAt('message.messageId', 'required'),
    problemAt('event.messageId', 'empty'),
    problemAt('event.messageId', 'too-long', { max: 256 }),
    problemAt('event.messageId', 'unfaithful'),
    problemAt('event', 'wrong-type', { expected: 'object', received: 'array' }),
    problemAt('event.type', 'not-one-of', { values: ['response', 'status'] }),
    problemAt('event.status', 'not-a-status', { known: ['sent', 'delivered', 'read', 'failed'] }),
    problemAt('message.updatedAt', 'not-a-moment'),
    problemAt('message.to', 'not-a-contact'),
    problemAt('', 'body-empty'),
    problemAt('', 'badly-encoded'),
    problemAt('', 'not-utf8'),
    problemAt('', 'not-json'),
    problemAt('message.appId', 'other-application'),
    problemAt('', 'unknown-integration'),
    problemAt('', 'disabled'),
    problemAt('', 'old-token'),
    problemAt('', 'address'),
    problemAt('', 'signature'),
    problemAt('message.message', 'differs'),
    problemAt('message.extra', 'not-in-event'),
    problemAt('message.contextId', 'only-in-event'),
    problemAt('message.to', 'other', { message: 'was not "liked", then' }),
    problemAt('', 'other', { message: '' }),
  ];

  it('finds the code of each sentence, keeps the message, and what is not known as it was said', () => {
    const db = new DatabaseSync(':memory:');
    migrate(db, before);
    const reject = db.prepare(
      `INSERT INTO rejections (
         seq, integration, generation, body_hash, reason, problems, request_id, received_at, last_received_at, body,
         body_encoding
       ) VALUES (?1, 'shop', 1, ?1, 'contract-broken', ?2, 'r', 0, 0, '{}', 'utf-8')`,
    );
    const written = SAID.map(({ path, message }) => ({ path, message }));
    for (const [index, problem] of written.entries()) reject.run(index + 1, JSON.stringify([problem]));
    reject.run(SAID.length + 1, JSON.stringify(written));
    reject.run(SAID.length + 2, '[]');
    migrate(db, since);

    const stored = db
      .prepare('SELECT problems FROM rejections ORDER BY seq')
      .all()
      .map(({ problems }) => String(problems));
    expect(stored.map((json) => JSON.parse(json))).toEqual([...SAID.map((problem) => [problem]), SAID, []]);
    expect(stored.map(readProblems).map((problems) => JSON.stringify(problems))).toEqual(stored);
  });
});

describe('the migration to the log', () => {
  const before = FILES.filter((file) => file < '0014');
  const since = FILES.filter((file) => file >= '0014');

  /** What a Worker from before the migration executes. */
  const EARLIER = {
    record: `INSERT INTO events (seq, id, integration, type, contact, app_id, request_id, received_at, occurred_at, payload)
      VALUES (?1, ?1, 'shop', 'response', '', '', 'r', 0, 0, '{}')`,
    confirm: 'DELETE FROM outbox WHERE seq = ?1',
    swept: 'SELECT seq FROM outbox ORDER BY seq',
    putBack: 'INSERT INTO replaying (job, seq, replay) VALUES (?1, ?2, 1)',
  };
  /** What one from after it executes. */
  const LATER = {
    record: `INSERT INTO events (
        seq, id, integration, type, contact, app_id, request_id, received_at, occurred_at, payload, replays
      ) VALUES (?1, ?1, 'shop', 'response', '', '', 'r', 0, 0, '{}', -1)`,
    waiting: `SELECT e.seq FROM events AS e WHERE ${isWaitingSql()} ORDER BY e.seq`,
  };

  function places(db: DatabaseSync, sql: string): number[] {
    return db
      .prepare(sql)
      .all()
      .map(({ seq }) => Number(seq));
  }

  /** Confirms a stretch as src/store/stretches.ts does. */
  function confirm(db: DatabaseSync, after: number, last: number): void {
    const prepared = { prepare: (sql: string) => ({ bind: (given: string) => ({ sql, given }) }) };
    const route = { route: 'events', version: 1, after, last };
    const statements = confirmSql(prepared as unknown as D1Database, [route]);
    for (const { sql, given } of statements as unknown as { sql: string; given: string }[]) {
      db.prepare(sql).run(given);
    }
  }

  it.each([
    ['nothing', []],
    ['the oldest', [1]],
    ['the newest', [19, 20]],
    ['some in between', [4, 5, 6, 11, 17]],
    ['everything', Array.from({ length: 20 }, (_, index) => index + 1)],
  ])('leaves %s that was in the outbox to be forwarded, and nothing else', (_, waiting) => {
    const db = new DatabaseSync(':memory:');
    migrate(db, before);
    for (let seq = 1; seq <= 20; seq++) db.prepare(EARLIER.record).run(seq);
    db.prepare('DELETE FROM outbox WHERE seq NOT IN (SELECT value FROM json_each(?1))').run(
      JSON.stringify(waiting),
    );
    migrate(db, since);
    expect(places(db, LATER.waiting)).toEqual(waiting);
  });

  it('has replays go on where what they had put back begins, and makes one of a single event', () => {
    const db = new DatabaseSync(':memory:');
    migrate(db, before);
    for (let seq = 1; seq <= 20; seq++) db.prepare(EARLIER.record).run(seq);
    db.exec(`INSERT INTO replays (id, actor, filter, state, from_seq, until_seq, next_seq, updated_at)
      VALUES (7, 'a', '{}', 'running', 1, 21, 15, 0), (8, 'a', '{}', 'done', 1, 21, 21, 0)`);
    for (const [job, seq] of [
      [7, 9],
      [7, 12],
      [0, 3],
    ] as const) {
      db.prepare(EARLIER.putBack).run(job, seq);
    }
    migrate(db, since);
    const replays = db
      .prepare(
        "SELECT route, state, from_seq AS first, next_seq AS next, until_seq AS until FROM replays WHERE state = 'running' ORDER BY id",
      )
      .all()
      .map((row) => Object.values(row));
    expect(replays).toEqual([
      ['events', 'running', 1, 9, 21],
      ['events', 'running', 3, 3, 4],
    ]);
    expect(() => db.prepare(EARLIER.putBack).run(7, 4)).toThrow('newer version');
  });

  it('loses nothing while both versions work on the database, and what either forwarded is forwarded', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(`migration ${seed}`);
      const db = new DatabaseSync(':memory:');
      migrate(db, before);
      let last = 0;
      const sent = new Set<number>();
      const recordByEarlier = () => {
        last += random.whole(1, 3);
        db.prepare(EARLIER.record).run(last);
      };
      const confirmByEarlier = () => {
        const waiting = places(db, EARLIER.swept);
        for (const seq of waiting.filter(() => random.chance(0.5))) {
          sent.add(seq);
          db.prepare(EARLIER.confirm).run(seq);
        }
      };
      /** What was recorded and not confirmed yet: places of events and their stretch. */
      const underWay: { after: number; seqs: number[] }[] = [];
      const recordByLater = () => {
        const group = { after: last, seqs: [] as number[] };
        for (let count = random.whole(1, 3); count > 0; count--) {
          last += random.whole(1, 3);
          db.prepare(LATER.record).run(last);
          group.seqs.push(last);
        }
        underWay.push(group);
      };
      const confirmByLater = () => {
        const [group] = underWay.splice(random.whole(0, underWay.length - 1), 1);
        if (group === undefined || random.chance(0.2)) return; // its isolate died
        for (const seq of group.seqs) sent.add(seq);
        confirm(db, group.after, group.seqs.at(-1) ?? group.after);
      };
      const sweepByLater = () => {
        const [seq] = places(db, LATER.waiting);
        if (seq === undefined) return;
        sent.add(seq);
        confirm(db, seq - 1, seq);
      };
      for (let step = 0; step < 10; step++) random.chance(0.6) ? recordByEarlier() : confirmByEarlier();
      migrate(db, since);
      const steps = [recordByEarlier, confirmByEarlier, recordByLater, confirmByLater, sweepByLater];
      for (let step = 0; step < 60; step++) steps[random.whole(0, steps.length - 1)]?.();

      const stored = places(db, 'SELECT seq FROM events ORDER BY seq');
      expect(places(db, LATER.waiting), `seed ${seed}`).toEqual(stored.filter((seq) => !sent.has(seq)));
      expect(places(db, 'SELECT seq FROM outbox JOIN events USING (seq) WHERE replays < 0')).toEqual([]);
    }
  });
});
