// The body of a rejection: JSON, other text, or bytes.

import type { FC } from 'hono/jsx';
import type { getRejection } from '../../api/rejections/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { JsonView, TextView } from '../frame/json-view.tsx';
import type { View } from '../frame/view.ts';
import { rejectionTexts } from './texts.ts';

const MAX_DUMPED_BYTES = 512;
const BYTES_IN_A_LINE = 16;

type KeptBody = Pick<AnswerOf<typeof getRejection>, 'body' | 'bodyEncoding' | 'bodyBytes'>;

export const BodyView: FC<{ view: View; kept: KeptBody }> = ({ view, kept }) => {
  const t = rejectionTexts(view.language);
  const { bytes } = view.formats;
  if (kept.bodyBytes === 0) return <p>{t.bodyEmpty}</p>;
  if (kept.bodyEncoding !== 'base64') return <JsonView view={view} text={kept.body} label={t.body} />;
  return (
    <>
      <p>{t.bodyBytes}</p>
      <TextView view={view} text={hexDump(kept.body)} label={t.body} isColumns />
      {kept.bodyBytes > MAX_DUMPED_BYTES && (
        <p>
          <small>{t.firstBytes(bytes(MAX_DUMPED_BYTES), bytes(kept.bodyBytes))}</small>
        </p>
      )}
    </>
  );
};

/** Lines of an offset, bytes in hexadecimal, and the same bytes as ASCII. */
function hexDump(base64: string): string {
  const letters = Math.ceil(MAX_DUMPED_BYTES / 3) * 4; // four letters of base64 are three bytes
  const all = Uint8Array.fromBase64(base64.slice(0, letters)).subarray(0, MAX_DUMPED_BYTES);
  const lines: string[] = [];
  for (let offset = 0; offset < all.length; offset += BYTES_IN_A_LINE) {
    const line = all.subarray(offset, offset + BYTES_IN_A_LINE);
    const hex = Array.from(line, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const ascii = String.fromCharCode(...line).replace(/[^ -~]/g, '.');
    lines.push(`${offset.toString(16).padStart(4, '0')}  ${hex.padEnd(BYTES_IN_A_LINE * 3 - 1)}  ${ascii}`);
  }
  return lines.join('\n');
}
