// GET /live/events: the stream of /api/tail with each event as a row, which pages put on top of their list.

import { Hono } from 'hono';
import { tailEvents } from '../../api/tail/routes.ts';
import { problemPage } from '../frame/errors.tsx';
import { markup } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { type EventAnswer, EventRow } from './event-row.tsx';

/** To be mounted at `/live`. Takes what `/api/tail` takes. */
export function liveRoutes(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>().get('/events', async (c) => {
    const view = c.get('view');
    const stream = await view.api.open(tailEvents, {
      query: c.req.query(),
      header: { 'last-event-id': c.req.header('last-event-id') },
    });
    if (!stream.ok || stream.body === null) return problemPage(c, await stream.json());
    const rows = stream.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(rowsOf(view))
      .pipeThrough(new TextEncoderStream());
    return new Response(rows, stream);
  });
}

/** Replaces the data of each event by its row, and leaves everything else of the stream, such as ids and comments. */
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

/** In the stream of /api/tail the data of an event is one line. */
function frameWithRow(frame: string, view: View): string {
  const lines = frame.split('\n');
  const data = lines.find((line) => line.startsWith('data: '));
  if (data === undefined) return frame;
  const event = JSON.parse(data.slice('data: '.length)) as EventAnswer;
  const row = markup(<EventRow view={{ ...view, nowMs: Date.now() }} event={event} />);
  const id = lines.filter((line) => line.startsWith('id: '));
  const rowLines = row.split(/\r\n|\r|\n/); // each of these ends a line in a stream
  return [...id, 'event: row', ...rowLines.map((line) => `data: ${line}`)].join('\n');
}
