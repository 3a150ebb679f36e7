// GET /live/events: the stream of /api/tail, each event as the item of a list that pages put on top of theirs.

import { Hono } from 'hono';
import { refusalPage } from '../frame/errors.tsx';
import { markup } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { EventRow, type ShownEvent } from './event-row.tsx';

/** To be mounted at `/live`. Takes what `/api/tail` takes. */
export function liveRoutes(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>().get('/events', async (c) => {
    const view = c.get('view');
    const lastEventId = c.req.header('last-event-id');
    const stream = await view.api.stream(
      '/tail',
      c.req.query(),
      lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
    );
    if (!stream.ok || stream.body === null) return refusalPage(c, await stream.json());
    const rows = stream.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(rowsOf(view))
      .pipeThrough(new TextEncoderStream());
    return new Response(rows, stream);
  });
}

/** Replaces the data of each event by its row, and leaves all else of the stream as it is: places, comments, delays. */
function rowsOf(view: View): TransformStream<string, string> {
  let rest = '';
  return new TransformStream({
    transform(chunk, controller) {
      const frames = (rest + chunk).split('\n\n');
      rest = frames.pop() ?? '';
      const changed = frames.map((frame) => `${frameWithRow(frame, view)}\n\n`).join('');
      if (changed !== '') controller.enqueue(changed);
    },
  });
}

/** One event of /api/tail has its data on one line. */
function frameWithRow(frame: string, view: View): string {
  const lines = frame.split('\n');
  const data = lines.find((line) => line.startsWith('data: '));
  if (data === undefined) return frame;
  const event = JSON.parse(data.slice('data: '.length)) as ShownEvent;
  const row = markup(<EventRow view={{ ...view, nowMs: Date.now() }} event={event} />);
  const id = lines.filter((line) => line.startsWith('id: '));
  const rowLines = row.split(/\r\n|\r|\n/); // each of the three ends a line of a stream
  return [...id, 'event: row', ...rowLines.map((line) => `data: ${line}`)].join('\n');
}
