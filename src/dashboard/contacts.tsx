import { Hono } from 'hono';
import type { DashboardEnv } from './view.ts';

export function contactPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>();
}
