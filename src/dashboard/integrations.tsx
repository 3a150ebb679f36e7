import { Hono } from 'hono';
import type { DashboardEnv } from './view.ts';

export function integrationPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>();
}
