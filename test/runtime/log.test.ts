import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { describeError, log } from '../../src/runtime/log.ts';

const PERSONAL = 'Maria da Silva +5544999999999';

async function errorOf(failing: () => unknown): Promise<unknown> {
  try {
    await failing();
  } catch (error) {
    return error;
  }
  throw new Error('nothing failed');
}

describe('a log line', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(['info', 'warn', 'error'] as const)('is one JSON object, written by console.%s', (level) => {
    const written = vi.spyOn(console, level).mockImplementation(() => undefined);
    log(level, 'forwarding failed', { events: 2, error: 'Error: of\ntwo lines' });
    expect(written).toHaveBeenCalledTimes(1);
    const [line] = written.mock.calls[0] ?? [];
    expect(line).not.toContain('\n');
    expect(JSON.parse(line)).toEqual({
      level,
      what: 'forwarding failed',
      events: 2,
      error: 'Error: of\ntwo lines',
    });
  });
});

describe('an error in the log', () => {
  it.each([
    'D1_ERROR: UNIQUE constraint failed: events.seq: SQLITE_CONSTRAINT',
    'D1_ERROR: D1 DB is overloaded. Requests queued for too long.',
    'Network connection lost.',
    'Queue sendBatch failed: Too Many Requests',
    'internal error; reference = abc',
    'not answered within 2000 ms',
  ])('is written in full where it comes from a binding: %s', (message) => {
    expect(describeError(new Error(message))).toBe(`Error: ${message}`);
  });

  it('is cut where it is long', () => {
    expect(describeError(new Error(`D1_ERROR: ${'x'.repeat(5_000)}`)).length).toBeLessThan(300);
  });

  it.each([
    ['JSON.parse', () => JSON.parse(`{"name":"${PERSONAL}"`), 'SyntaxError'],
    ['JSON.parse of a text', () => JSON.parse(PERSONAL), 'SyntaxError'],
    ['the URL parser', () => new URL(PERSONAL), 'TypeError'],
    ['decodeURIComponent', () => decodeURIComponent(`${PERSONAL}%`), 'URIError'],
    ['our own code', () => Promise.reject(new RangeError(PERSONAL)), 'RangeError'],
    ['what only mentions a binding', () => Promise.reject(new Error(`${PERSONAL}: D1_ERROR`)), 'Error'],
    ['a thrown text', () => Promise.reject(PERSONAL), 'string'],
    ['a thrown object', () => Promise.reject({ message: PERSONAL }), 'object'],
    ['a thrown null', () => Promise.reject(null), 'object'],
    ['a thrown nothing', () => Promise.reject(undefined), 'undefined'],
  ])('quotes no value where it comes from %s', async (_, failing, told) => {
    expect(describeError(await errorOf(failing))).toBe(told);
  });

  it.each<[string, string, unknown[]]>([
    ['a value that cannot be bound', 'SELECT ?1', [{ toString: () => PERSONAL }]],
    ['a text that is no JSON', 'SELECT json(?1)', [PERSONAL]],
    ['rows that are no JSON', 'SELECT * FROM json_each(?1)', [`[${PERSONAL}]`]],
    ['a column of another type', 'INSERT INTO outbox (seq, replay) VALUES (1, ?1)', [PERSONAL]],
    [
      'a second of what must be unique',
      'INSERT INTO integrations (slug, created_at) VALUES (?1, 1), (?1, 2)',
      [PERSONAL],
    ],
    ['a column that must not be null', 'INSERT INTO integrations (slug) VALUES (?1)', [PERSONAL]],
    ['too many values', 'SELECT ?1', [PERSONAL, PERSONAL]],
  ])('quotes no value that D1 was given: %s', async (_, sql, values) => {
    const error = await errorOf(async () =>
      env.DB.prepare(sql)
        .bind(...values)
        .run(),
    );
    const told = describeError(error);
    expect(told).toMatch(/^Error/);
    expect(told).not.toMatch(/Maria|5544/);
  });
});
