import { Hono } from 'hono';
import type { DashboardEnv } from './view.ts';

export function auditPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>();
}
