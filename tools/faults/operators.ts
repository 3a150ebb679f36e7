// Carries out a schedule's operations through the API, as operators would.

import { checkErased } from './checks.ts';
import { ALLOWED_ADDRESS, BOUND_APP, type Operation, type RouteName, type Slug } from './schedule.ts';
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

type RouteBeginning = Extract<Operation, { what: 'add route' }>['from'];

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
      const body = operation.route === null ? undefined : { route: operation.route };
      await world.api(name, 'POST', `/api/events/${slug}/${encodeURIComponent(id)}/replay`, body);
      return;
    }
    case 'replay': {
      const { slug, kind, route, afterwards } = operation;
      const filter = {
        integration: slug,
        ...(kind !== null && { type: kind }),
        ...(route !== null && { route }),
      };
      const created = await world.api(name, 'POST', '/api/replay', filter);
      if (created?.status !== 202) return;
      for (const { id } of created.answer.data as { id: string }[]) {
        requireAsAsked(world, id, { slug, kind, route });
        if (afterwards === 'nothing') continue;
        await loop.sleep(200);
        await world.api(`${name}-${afterwards}-${id}`, 'POST', `/api/replay/${id}/${afterwards}`);
        if (afterwards === 'cancel') continue;
        await loop.sleep(20_000);
        await world.api(`${name}-resume-${id}`, 'POST', `/api/replay/${id}/resume`);
      }
      return;
    }
    case 'add route': {
      const { route, filter, from } = operation;
      const made = await world.api(name, 'POST', '/api/routes', {
        name: route,
        filter,
        from: momentOf(world, from),
      });
      if (made?.status === 201) requireBegin(world, route, from);
      return;
    }
    case 'remove route': {
      const { route, again } = operation;
      await world.api(name, 'DELETE', `/api/routes/${route}`);
      if (again === null) return;
      await loop.sleep(again.afterMs);
      const made = await world.api(`${name}-again`, 'POST', '/api/routes', { name: route, from: again.from });
      if (made?.status === 201) requireBegin(world, route, again.from);
      return;
    }
    case 'pause route': {
      const { route, forMs } = operation;
      await world.api(name, 'POST', `/api/routes/${route}/pause`);
      if (forMs === null) return;
      await loop.sleep(forMs);
      await world.api(`${name}-resume`, 'POST', `/api/routes/${route}/resume`);
      return;
    }
    case 'filter route':
      for (const [index, filter] of operation.filters.entries()) {
        await world.api(`${name}-${index}`, 'PATCH', `/api/routes/${operation.route}`, { filter });
      }
      return;
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

/** Notes where a replay is not what was asked for, by its row. */
function requireAsAsked(
  { book }: World,
  id: string,
  asked: { slug: Slug; kind: string | null; route: RouteName | null },
): void {
  const replay = book.routes.replays.get(Number(id));
  const isAsked =
    replay !== undefined &&
    replay.filter.integration === asked.slug &&
    (replay.filter.type ?? null) === asked.kind &&
    (asked.route === null || replay.route === asked.route);
  if (!isAsked) book.violated('replayed', `replay ${id} is not the one that was asked for`);
}

/** Notes what a route that was just made takes of what was there and should not, or the other way round. */
function requireBegin({ book, schedule }: World, route: string, from: RouteBeginning): void {
  const life = book.routes.lives.findLast((one) => one.route === route);
  if (life === undefined) return;
  const fromMs = typeof from === 'string' ? null : schedule.startMs + Math.floor(from.fromMs);
  for (const { seq, id, storedNo, deletedNo } of book.stored.values()) {
    if (storedNo >= life.madeNo || (deletedNo !== null && deletedNo < life.madeNo)) continue;
    const isAskedFor = fromMs === null ? from === 'oldest' : seq >= fromMs * 1000;
    if (seq > life.began !== isAskedFor)
      book.violated('routed', `route ${route} begins wrongly: see ${seq} ${id}`);
  }
}

function momentOf(world: World, from: RouteBeginning): string {
  if (typeof from === 'string') return from;
  return new Date(world.schedule.startMs + Math.floor(from.fromMs)).toISOString();
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
