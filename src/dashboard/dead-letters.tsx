import { Hono } from 'hono';
import type { DashboardEnv } from './view.ts';

export function deadLetterPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>();
}
