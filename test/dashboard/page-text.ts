// What tests read from a page: its text, its forms, and its cost.

import { expect } from 'vitest';
import { seen } from '../webhooks.ts';

/** A page as a person reads it. */
export function textOf(page: string): string {
  return unescaped(page.slice(page.indexOf('<main')).replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim();
}

/** The forms of a page by their address, each with its hidden fields. */
export function formsOf(page: string): Map<string, Record<string, string>> {
  const main = page.slice(page.indexOf('<main'));
  const forms = main.matchAll(/<form method="post" action="([^"]*)"[^>]*>(.*?)<\/form>/gs);
  return new Map(
    [...forms].map(([, action = '', content = '']) => [
      unescaped(action),
      Object.fromEntries(
        [...content.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(
          ([, name = '', value = '']) => [unescaped(name), unescaped(value)],
        ),
      ),
    ]),
  );
}

function unescaped(text: string): string {
  return text
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** The address that an answer redirects to. */
export function locationOf(response: Response): string {
  expect(response.status).toBe(303);
  return response.headers.get('location') ?? '';
}

/** A text that does harm in a page that does not escape it. */
export const HOSTILE = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>&\u202etxt`;

/** Expects a page to contain {@link HOSTILE} only as text. */
export function expectEscaped(page: string): void {
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
  expect(page).not.toContain('<script>alert');
  expect(page).not.toContain('<img src=x');
  expect(page).not.toMatch(/href="javascript:/i);
}

/** The statements that something makes, and the rows that they read. */
export async function costOf(
  what: () => Promise<unknown>,
): Promise<{ statements: number; rowsRead: number }> {
  const before = (await seen()).statements.length;
  await what();
  const statements = (await seen()).statements.slice(before);
  return {
    statements: statements.length,
    rowsRead: statements.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
  };
}
