import { Hono } from 'hono';
import type { DashboardEnv } from './view.ts';

export function replayPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>();
}
