// Carries out a schedule's operations through the API, as operators would.

import { checkErased } from './checks.ts';
import { ALLOWED_ADDRESS, BOUND_APP, type Operation, type Slug } from './schedule.ts';
import { contactNumber } from './webhooks.ts';
import type { World } from './world.ts';

/** The most pages of one operation. */
const MAX_PAGES = 200;

/** The settings with which each integration is registered again. */
export const SETTINGS = {
  shop: {},
  mail: { appId: BOUND_APP },
  signed: { requireSignature: true },
  fixed: { allowedIps: [ALLOWED_ADDRESS] },
} as const satisfies Record<Slug, object>;

export async function operate(world: World, operation: Operation): Promise<void> {
  const { loop, book } = world;
  const { name } = operation;
  await loop.sleep(operation.atMs);
  loop.note(`operator ${name}: ${operation.what}`);
  switch (operation.what) {
    case 'replay event': {
      const key = world.pick([...book.storedByKey.keys()]);
      if (key === undefined) return;
      const [slug, id = ''] = key.split(' ');
      await world.api(name, 'POST', `/api/events/${slug}/${encodeURIComponent(id)}/replay`);
      return;
    }
    case 'replay': {
      const { slug, kind } = operation;
      const filter = { integration: slug, ...(kind !== null && { type: kind }) };
      const createdNo = book.no;
      const created = await world.api(name, 'POST', '/api/replay', filter);
      if (created?.status !== 202) return;
      const id = String(created.answer.id);
      if (operation.isCancelled) {
        await loop.sleep(500);
        await world.api(`${name}-cancel`, 'POST', `/api/replay/${id}/cancel`);
      } else book.replays.push({ id, slug, kind, createdNo });
      return;
    }
    case 'retry rejections':
      await paged(world, name, 'POST', '/api/rejections/retry', {});
      return;
    case 'let in':
      await paged(world, name, 'POST', '/api/rejections/retry', { reason: 'differs' });
      return;
    case 'delete rejection': {
      const id = await newestId(world, name, '/api/rejections');
      if (id === undefined) return;
      book.deletedRejections.add(id);
      await world.api(`${name}-delete`, 'DELETE', `/api/rejections/${id}`);
      return;
    }
    case 'redrive':
      await paged(world, name, 'POST', '/api/dead-letters/redrive', { all: true });
      return;
    case 'redrive one': {
      const id = await newestId(world, name, '/api/dead-letters');
      if (id !== undefined) await world.api(`${name}-one`, 'POST', `/api/dead-letters/${id}/redrive`);
      return;
    }
    case 'rotate': {
      const { slug, overlapHours } = operation;
      if (overlapHours === 0) book.revoked.add(slug);
      const rotated = await world.api(name, 'POST', `/api/integrations/${slug}/rotate`, { overlapHours });
      if (rotated?.status === 200) learn(world, slug, rotated.answer);
      return;
    }
    case 'disable':
      book.disturbed.add(operation.slug);
      await world.api(name, 'POST', `/api/integrations/${operation.slug}/disable`);
      await loop.sleep(operation.forMs);
      await world.api(`${name}-enable`, 'POST', `/api/integrations/${operation.slug}/enable`);
      return;
    case 'delete': {
      const { slug } = operation;
      book.disturbed.add(slug);
      book.deletedSlugs.add(slug);
      await world.api(`${name}-enable`, 'POST', `/api/integrations/${slug}/disable`);
      let path = `/api/integrations/${slug}?force=true`;
      for (let page = 0; page < MAX_PAGES; page++) {
        const deleted = await world.api(name, 'DELETE', path);
        if (deleted?.status !== 202) break;
        path = `/api/integrations/${slug}?force=true&cursor=${deleted.answer.next}`;
      }
      const created = await world.api(`${name}-create`, 'POST', '/api/integrations', {
        slug,
        ...SETTINGS[slug],
      });
      if (created?.status === 201) learn(world, slug, created.answer);
      return;
    }
    case 'erase': {
      const contact = contactNumber(operation.contact);
      const beganNo = book.no;
      book.erasing.add(contact);
      let path = `/api/contacts/${encodeURIComponent(contact)}`;
      for (let page = 0; page < MAX_PAGES; page++) {
        const erased = await world.api(name, 'DELETE', path);
        if (erased?.status === 200) checkErased(world, contact, beganNo);
        if (erased?.status !== 202) return;
        path = `/api/contacts/${encodeURIComponent(contact)}?cursor=${erased.answer.next}`;
      }
      return;
    }
  }
}

async function newestId(world: World, name: string, path: string): Promise<string | undefined> {
  const listed = await world.api(name, 'GET', `${path}?limit=1`);
  return ((listed?.answer.data ?? []) as { id: string }[])[0]?.id;
}

/** Senders use the URL of a new generation once an operator has been told it. */
function learn(world: World, slug: Slug, answer: Record<string, unknown>): void {
  const generation = Number(answer.generation);
  if (generation > (world.generations.get(slug) ?? 0)) world.generations.set(slug, generation);
}

/** Makes a change of many rows, page by page. */
async function paged(
  world: World,
  name: string,
  method: string,
  path: string,
  filter: object,
): Promise<void> {
  let cursor: string | null = null;
  for (let page = 0; page < MAX_PAGES; page++) {
    const body = { ...filter, ...(cursor !== null && { cursor }) };
    const answered = await world.api(`${name}-${page}`, method, path, body);
    const next = answered?.answer.next;
    if (typeof next !== 'string') return;
    cursor = next;
  }
}
