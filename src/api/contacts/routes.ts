// /api/contacts: each operation on a contact has a file of its own.

import { Hono } from 'hono';
import type { ActorEnv } from '../access/actor.ts';
import type { ContactDeps } from './contact.ts';
import { conversationRoutes } from './conversation.ts';
import { erasureRoutes } from './erasure.ts';
import { exportRoutes } from './export.ts';
import { listingRoutes } from './listing.ts';

export function contactRoutes(deps: ContactDeps): Hono<ActorEnv> {
  return new Hono<ActorEnv>()
    .route('/', listingRoutes(deps))
    .route('/', conversationRoutes(deps))
    .route('/', exportRoutes(deps))
    .route('/', erasureRoutes(deps));
}
