// Prometheus' part: reads what `/api/metrics` gives.

import { env } from 'cloudflare:workers';
import { expect } from 'vitest';
import { METRICS_TYPE } from '../../src/api/metrics/routes.ts';
import { ADMIN_TOKEN, ORIGIN } from '../webhooks.ts';

/** What `/api/metrics` gives. */
export interface Parsed {
  types: Map<string, string>;
  /** By name and labels as they are written. */
  samples: Map<string, number>;
  labels: Map<string, Record<string, string>>;
}

/** Reads the format strictly: https://prometheus.io/docs/instrumenting/exposition_formats/ */
function parse(text: string): Parsed {
  expect(text.endsWith('\n')).toBe(true);
  const parsed: Parsed = { types: new Map(), samples: new Map(), labels: new Map() };
  const helped = new Set<string>();
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][\w:]*) ([^\\]+)$/.exec(line);
    const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram)$/.exec(line);
    if (help?.[1] !== undefined) {
      expect(helped).not.toContain(help[1]);
      helped.add(help[1]);
      continue;
    }
    if (type?.[1] !== undefined) {
      expect(helped).toContain(type[1]);
      expect(parsed.types.has(type[1])).toBe(false);
      parsed.types.set(type[1], type[2] ?? '');
      continue;
    }
    const sample = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\d+(?:\.\d+)?(?:e[+-]\d+)?)$/.exec(line);
    expect(sample, line).not.toBeNull();
    const [, name = '', labels = '', value] = sample ?? [];
    const family = parsed.types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    expect(parsed.types.has(family), line).toBe(true);
    expect([...parsed.types.keys()].at(-1)).toBe(family); // a family's samples stand together
    expect(parsed.samples.has(name + labels)).toBe(false);
    parsed.samples.set(name + labels, Number(value));
    parsed.labels.set(name + labels, labelsOf(labels));
  }
  return parsed;
}

function labelsOf(text: string): Record<string, string> {
  const pattern = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
  const inside = text.slice(1, -1);
  const labels: Record<string, string> = {};
  while (pattern.lastIndex < inside.length) {
    const match = pattern.exec(inside);
    expect(match, text).not.toBeNull();
    const [, name = '', value = ''] = match ?? [];
    labels[name] = value.replace(/\\(.)/g, (_, letter) => (letter === 'n' ? '\n' : letter));
  }
  return labels;
}

/** Reads the metrics of the receiver under test. */
export async function scrape(): Promise<Parsed> {
  const answer = await env.RECEIVER.fetch(`${ORIGIN}/api/metrics`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe(METRICS_TYPE);
  return parse(await answer.text());
}
