// The examples for Prometheus and Grafana, and the table of metrics in the documents, beside what `/api/metrics` gives.

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import operations from '../../docs/operations.md?raw';
import alertsText from '../../examples/monitoring/alerts.yml?raw';
import dashboardJson from '../../examples/monitoring/dashboard.json';
import { REFUSAL_REASONS } from '../../src/contract/refusals.ts';
import { LAG_STEPS } from '../../src/store/counters.ts';
import { reset } from '../webhooks.ts';
import { scrape } from './scrape.ts';

const text = z.string().min(1);

/** https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/ */
const alertRules = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: text,
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^[A-Z]\w+$/),
          expr: text,
          for: z
            .string()
            .regex(/^\d+[smhd]$/)
            .optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning']) }),
          annotations: z.strictObject({ summary: text, description: text }),
        }),
      ),
    }),
  ),
});

/** Of a dashboard of Grafana, what is looked at here. */
const dashboard = z.looseObject({
  templating: z.object({ list: z.array(z.looseObject({ name: text, definition: text })) }),
  panels: z.array(
    z.looseObject({
      id: z.int(),
      title: text,
      gridPos: z.strictObject({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      targets: z.array(z.looseObject({ refId: text, expr: text, legendFormat: text })).min(1),
    }),
  ),
});

const rules = alertRules.parse(parse(alertsText)).groups.flatMap((group) => group.rules);
const { panels, templating } = dashboard.parse(dashboardJson);
const targets = panels.flatMap((panel) => panel.targets);

const expressions: [where: string, expression: string][] = [
  ...rules.map(({ alert, expr }): [string, string] => [alert, expr]),
  ...panels.flatMap(({ title, targets: shown }) =>
    shown.map(({ expr, refId }): [string, string] => [`${title}, ${refId}`, expr]),
  ),
  ...templating.list.map(({ name, definition }): [string, string] => [`$${name}`, definition]),
];

/** Words of PromQL and of Grafana that stand where the name of a metric could. */
const WORDS = [
  'and',
  'delta',
  'histogram_quantile',
  'increase',
  'label_values',
  'max',
  'offset',
  'or',
  'rate',
  'sum',
  'topk',
  'unless',
  'vector',
];

/** What the labels with a fixed set of values can have. */
const VALUES: Record<string, readonly string[]> = {
  reason: REFUSAL_REASONS,
  steps: LAG_STEPS,
};

/** What Prometheus makes itself. */
const UP: [string, Set<string>] = ['up', new Set(['job', 'instance'])];

/** The names of the samples that are given, each with its labels. */
let given: Map<string, Set<string>>;
/** The names of the metrics, as `# TYPE` has them. */
let families: string[];

beforeAll(async () => {
  await reset();
  const kinds = [
    'response',
    'status:sent',
    'deferred',
    'odd',
    'odd:message.to:missing',
    'duplicate',
    'rejected',
    'forwarded:events',
    'replayed:events',
    'refused:busy',
  ];
  await env.DB.prepare("INSERT INTO counters SELECT 60, ?1, 'shop', value, 1 FROM json_each(?2)")
    .bind(Date.now(), JSON.stringify(kinds))
    .run();
  await env.DB.prepare("INSERT INTO lags VALUES (3600, ?1, 'shop', 'sent-delivered', 80, 1)")
    .bind(Date.now())
    .run();
  await env.PROBE.runCron();
  const { samples, labels, types } = await scrape();
  families = [...types.keys()];
  given = new Map([UP]);
  for (const sample of samples.keys()) {
    const name = sample.replace(/\{.*/s, '');
    const known = given.get(name) ?? new Set();
    for (const label of Object.keys(labels.get(sample) ?? {})) known.add(label);
    given.set(name, known);
  }
});

/** The metrics that an expression names, with the labels that it selects by. */
function selectorsOf(expression: string) {
  return Array.from(
    expression.matchAll(/\b(instant_message_\w+|up)\b(?:\{([^}]*)\})?/g),
    ([, name = '', inside = '']) => ({
      name,
      matchers: Array.from(
        inside.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"(?:,|$)/g),
        ([whole, label = '', , value = '']) => ({
          whole,
          label,
          value,
        }),
      ),
      inside,
    }),
  );
}

describe.each(expressions)('the expression of %s', (_, expression) => {
  it('names metrics that are given, and nothing that is unknown', () => {
    const outside = expression
      .replaceAll(/"[^"]*"/g, '')
      .replaceAll(/\{[^}]*\}|\[[^\]]*\]/g, ' ')
      .replaceAll(/\b(?:by|on) \([^)]*\)/g, ' ')
      .replaceAll(/\boffset \d+[smhd]\b/g, 'offset')
      .replaceAll(/\b[\d.]+(?:e\d+)?\b/g, ' ')
      .replace(/^label_values\((\w+), \w+\)$/, '$1');
    const names = outside.match(/[a-zA-Z_:$][\w:$]*/g) ?? [];
    expect(names.filter((name) => !WORDS.includes(name) && !given.has(name))).toEqual([]);
    expect(selectorsOf(expression)).not.toEqual([]);
  });

  it('selects and groups by labels that those metrics have', () => {
    const selectors = selectorsOf(expression);
    for (const { name, matchers, inside } of selectors) {
      expect(matchers.map(({ whole }) => whole).join('')).toBe(inside);
      const labels = name === 'up' ? UP[1] : given.get(name);
      for (const { label } of matchers) expect([...(labels ?? [])], name).toContain(label);
    }
    const grouped = Array.from(expression.matchAll(/\bby \(([^)]*)\)/g), ([, labels = '']) =>
      labels.split(', '),
    );
    const asked = /^label_values\(\w+, (\w+)\)$/.exec(expression)?.[1];
    for (const label of [...grouped.flat(), ...(asked === undefined ? [] : [asked])]) {
      for (const { name } of selectors) expect([...(given.get(name) ?? [])], name).toContain(label);
    }
  });

  it('selects values that those labels can have', () => {
    for (const { label, value } of selectorsOf(expression).flatMap(({ matchers }) => matchers)) {
      const possible = VALUES[label];
      if (possible !== undefined) for (const one of value.split('|')) expect(possible).toContain(one);
    }
  });

  it('closes what it opens', () => {
    const brackets = expression.replaceAll(/"[^"]*"/g, '').replaceAll(/[^()[\]{}]/g, '');
    let left = brackets;
    for (let before = ''; left !== before; ) {
      before = left;
      left = left.replaceAll(/\(\)|\[\]|\{\}/g, '');
    }
    expect(left).toBe('');
  });
});

describe('the alert rules', () => {
  it('have names of their own', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });

  it('say nothing by labels that their expression does not leave', () => {
    for (const { alert, expr, annotations } of rules) {
      const said = Array.from(
        JSON.stringify(annotations).matchAll(/\{\{ \$labels\.(\w+) \}\}/g),
        ([, label = '']) => label,
      );
      for (const label of said) expect(expr, alert).toContain(`by (${label})`);
    }
  });
});

describe('the dashboard', () => {
  it('names in a legend what its expression leaves', () => {
    for (const { expr, legendFormat } of targets) {
      const named = Array.from(legendFormat.matchAll(/\{\{(\w+)\}\}/g), ([, label = '']) => label);
      const grouped = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ');
      const left = grouped ?? [...(given.get(selectorsOf(expr)[0]?.name ?? '') ?? [])];
      for (const label of named) expect(left, expr).toContain(label);
    }
  });

  it('has panels with ids of their own, none over another, none beyond the 24 columns', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { title, gridPos } of panels) expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
  });

  it('shows every metric that is given', () => {
    const shown = targets.map(({ expr }) => expr).join(' ');
    expect(families.filter((name) => !new RegExp(`\\b${name}(?:_bucket)?\\b`).test(shown))).toEqual([]);
  });
});

describe('docs/operations.md', () => {
  it('says of every metric what it tells, and of no other', () => {
    const rows = operations.split('\n').filter((line) => line.startsWith('| `instant_message_'));
    const named = rows.flatMap((row) => row.split(' | ', 1)[0]?.match(/instant_message_\w+/g) ?? []);
    expect(named.toSorted()).toEqual(families.toSorted());
  });
});
