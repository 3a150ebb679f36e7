import { Hono } from 'hono';
import type { DashboardEnv } from './view.ts';

export function eventPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>();
}
