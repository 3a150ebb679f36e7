// A receiver that one would write well in an afternoon from the documentation of Hono, D1 and Queues: it validates the body,
// recognizes repeats by the primary key, and awaits the queue before it answers. It has no guarantees: an event is stored and
// never forwarded where `send` fails or the Worker dies, and its repeat is a duplicate; while D1 is down webhooks are lost; the
// token is a plain setting.

import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import * as z from 'zod';

export interface NaiveEnv {
  DB: D1Database;
  EVENTS: Queue;
  WEBHOOK_TOKEN: string;
}

const webhook = z.object({
  event: z.object({
    messageId: z.string(),
    type: z.enum(['response', 'status']),
    status: z.string().optional(),
  }),
  clientData: z
    .object({ number: z.string(), name: z.string().optional(), timeLastMessage: z.string().optional() })
    .optional(),
  message: z.object({
    messageId: z.string(),
    contextId: z.string().optional(),
    interactionsId: z.string().optional(),
    mediaType: z.string().optional(),
    message: z.string().optional(),
    mediaData: z
      .object({ link: z.string(), caption: z.string().optional(), filename: z.string().optional() })
      .optional(),
    to: z.string(),
    from: z.string(),
    appId: z.string(),
    status: z.string().optional(),
    createdAt: z.string().optional(),
    updatedAt: z.string().optional(),
  }),
});

const app = new Hono<{ Bindings: NaiveEnv }>();

app.post('/webhooks/:integration/:token', zValidator('json', webhook), async (c) => {
  if (c.req.param('token') !== c.env.WEBHOOK_TOKEN) return c.json({ error: 'unauthorized' }, 401);

  const payload = c.req.valid('json');
  const { event, message, clientData } = payload;
  const id = `${message.messageId}:${event.messageId}:${event.status ?? event.type}`;
  const { meta } = await c.env.DB.prepare(
    'INSERT OR IGNORE INTO events (id, integration, type, status, contact, received_at, payload) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
    .bind(
      id,
      c.req.param('integration'),
      event.type,
      event.status ?? null,
      clientData?.number ?? message.to,
      Date.now(),
      JSON.stringify(payload),
    )
    .run();
  if (meta.changes === 0) return c.json({ id, outcome: 'duplicate' });

  await c.env.EVENTS.send({ id, ...payload });
  return c.json({ id, outcome: 'stored' });
});

export default app;
