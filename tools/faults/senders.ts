// The senders of a run: how each webhook is sent, and whether it is answered as it must be.
import { firstVersionId } from '../../src/contract/event.ts';
import type { Book } from './book.ts';
import { ACCEPTING, type Slug } from './schedule.ts';
import { deliveryOf, probeOf, type Webhook } from './webhooks.ts';
import type { World } from './world.ts';

/** More than the clocks of two isolates are apart. */
const CLOCKS_APART_MS = 10_000;

export async function send(world: World, webhook: Webhook): Promise<void> {
  const { sending } = webhook;
  await world.loop.sleep(sending.atMs);
  if (sending.isProbed) await probe(world, webhook);
  const repeats = sending.repeatsAfterMs.map(async (afterMs, index) => {
    await world.loop.sleep(afterMs);
    await deliver(world, webhook, `${sending.name}r${index + 1}`, 1);
  });
  await Promise.all([deliver(world, webhook, sending.name, sending.tries), ...repeats]);
}

async function probe(world: World, { sending }: Webhook): Promise<void> {
  const generation = world.generations.get(sending.slug) ?? 1;
  const answered = await world.request(`${sending.name}p`, () => probeOf(sending, generation));
  if (answered === null) return;
  const { status, text } = answered;
  const isForged = sending.auth === 'forged';
  const isRight =
    status === 200
      ? !isForged && text.includes(`"${sending.slug}"`)
      : status === 401
        ? isForged || !isValid(world, sending.slug, generation)
        : status === 503;
  if (!isRight)
    world.book.violated('answers', `the probe of ${sending.name} was answered ${status}: ${text}`);
}

async function deliver(world: World, webhook: Webhook, name: string, tries: number): Promise<void> {
  const { sending, sentBytes } = webhook;
  for (let attempt = 1; attempt <= tries; attempt++) {
    const generation = world.generations.get(sending.slug) ?? 1;
    const isFirst = attempt === 1 && name === sending.name;
    const uploadMs = isFirst ? sending.uploadMs : 0;
    const answered = await world.request(
      attempt === 1 ? name : `${name}.${attempt}`,
      () =>
        deliveryOf(webhook, {
          generation,
          nowMs: world.schedule.startMs + world.loop.nowMs,
          body: uploadMs > 0 ? slowly(world, sentBytes, uploadMs) : null,
        }),
      { uploadMs, hangUpAfterMs: isFirst ? sending.hangUpAfterMs : null },
    );
    if (answered !== null) {
      const { status, requestId, text } = answered;
      const body = text.startsWith('{') ? JSON.parse(text) : null;
      judge(world, {
        webhook,
        generation,
        status,
        requestId,
        body,
        no: world.book.no,
        atMs: world.loop.nowMs,
      });
      if (status !== 503) return;
    }
    await world.loop.sleep(2_000 * 3 ** (attempt - 1));
  }
}

/** Notes at once what is wrong with an answer. */
function judge(world: World, answered: Book['answered'][number]): void {
  const { book } = world;
  const { webhook, status, body, requestId } = answered;
  const { sending, event } = webhook;
  const refuse = (what: string) =>
    book.violated('answers', `${sending.name} was answered ${status}: ${what}`);
  book.answered.push(answered);
  if (sending.auth === 'forged' && status !== 401 && status !== 503) refuse('its token is forged');
  switch (status) {
    case 200: {
      if (event === null) {
        if (body?.outcome !== 'deferred') refuse('it is no event');
      } else if (firstVersionId(String(body?.id)) !== event.id) refuse(`its id is ${event.id}`);
      else if (body?.outcome === 'kept' && world.editions.get(event.key)?.size === 1) {
        refuse('nothing that differs has its ids');
      }
      if (body?.outcome === 'deferred') {
        if (!book.deferred.has(requestId)) refuse('the intake queue has not taken it');
      } else if (event !== null && !book.storedByKey.has(event.key)) refuse('it is not in D1');
      return;
    }
    case 202:
      if (sending.slug !== ACCEPTING || body?.outcome !== 'rejected') refuse('it does not accept rejections');
      if (event !== null) refuse('it is an event');
      return;
    case 400:
    case 422:
      if (event !== null) refuse('it is an event');
      return;
    case 401:
      if (sending.auth !== 'forged' && isValid(world, sending.slug, answered.generation))
        refuse('its token is valid');
      return;
    case 503:
      if (world.schedule.faults.length + world.schedule.deaths.length === 0) refuse('nothing failed');
      return;
    default:
      refuse('nobody expects that');
  }
}

/** Whether a token was valid all the time, and still is. */
function isValid(world: World, slug: Slug, generation: number): boolean {
  if (world.book.disturbed.has(slug)) return false;
  const [row] = world.database.ask<{ generation: number; previous: string }>(
    'SELECT generation, previous FROM integrations WHERE slug = ?',
    slug,
  );
  if (row === undefined) return false;
  const nowMs = world.schedule.startMs + world.loop.nowMs + CLOCKS_APART_MS;
  const previous = JSON.parse(row.previous) as { generation: number; untilMs: number }[];
  return (
    row.generation === generation ||
    previous.some((one) => one.generation === generation && one.untilMs > nowMs)
  );
}

/** A body that comes piece by piece, whether it is being read or not. */
function slowly(world: World, bytes: Buffer, uploadMs: number): ReadableStream<Uint8Array> {
  const pieces = 3;
  return new ReadableStream({
    start: (controller) => {
      for (let piece = 1; piece <= pieces; piece++) {
        world.loop.after((uploadMs * piece) / pieces, () => {
          const [from, to] = [piece - 1, piece].map((index) =>
            Math.floor((bytes.byteLength * index) / pieces),
          );
          try {
            controller.enqueue(new Uint8Array(bytes.subarray(from, to)));
            if (piece === pieces) controller.close();
          } catch {
            // nobody reads it any more
          }
        });
      }
    },
  });
}
