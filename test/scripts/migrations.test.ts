// Migrations of a database that holds something already.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { type ContractProblem, problemAt, readProblems } from '../../src/contract/problems.ts';
import { MIGRATIONS } from '../../tools/declared-worker.ts';

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
