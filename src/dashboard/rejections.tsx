import { Hono } from 'hono';
import type { DashboardEnv } from './view.ts';

export function rejectionPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>();
}
