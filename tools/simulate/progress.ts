// What is shown while it runs, on standard error: a bar on a terminal, a plain line now and then elsewhere.
import type { Ledger } from './ledger.ts';

const TERMINAL_EVERY_MS = 200;
const PLAIN_EVERY_MS = 5_000;
const BAR_LENGTH = 24;

export interface Progress {
  /** Puts a line of its own above the bar. */
  say(line: string): void;
  /** Shows what is going on now instead of the figures. */
  phase(text: string): void;
  stop(): void;
}

/** Shows how a ledger fills. `total`: deliveries in all; `null` where that is open. */
export function showProgress(
  ledger: Ledger,
  total: number | null,
  { isWanted, stream = process.stderr }: { isWanted: boolean; stream?: NodeJS.WriteStream },
): Progress {
  if (!isWanted) return { say: () => undefined, phase: () => undefined, stop: () => undefined };
  const isTerminal = stream.isTTY === true;
  const startMs = performance.now();
  let shown = { atMs: startMs, settled: 0 };
  let phase: string | null = null;

  const draw = () => {
    if (phase !== null && !isTerminal) return; // once is enough
    const nowMs = performance.now();
    const rate = ((ledger.settled - shown.settled) / Math.max(nowMs - shown.atMs, 1)) * 1000;
    shown = { atMs: nowMs, settled: ledger.settled };
    const line = phase ?? progressLine(ledger, total, rate, isTerminal);
    stream.write(isTerminal ? `\r\x1b[2K${line.slice(0, (stream.columns || 80) - 1)}` : `${line}\n`);
  };
  const timer = setInterval(draw, isTerminal ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS);
  return {
    say(line) {
      stream.write(isTerminal ? `\r\x1b[2K${line}\n` : `${line}\n`);
    },
    phase(text) {
      if (phase === text) return;
      phase = text;
      if (isTerminal) draw();
      else stream.write(`${text}\n`);
    },
    stop() {
      clearInterval(timer);
      if (isTerminal) stream.write('\r\x1b[2K');
    },
  };
}

/** One line: how far, how fast, how slow the answers are. */
export function progressLine(ledger: Ledger, total: number | null, rate: number, withBar: boolean): string {
  const share = total === null || total === 0 ? 0 : ledger.settled / total;
  const filled = Math.round(share * BAR_LENGTH);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_LENGTH - filled)} `;
  const recent = ledger.latencies.recent();
  return [
    `${withBar && total !== null ? bar : ''}${ledger.settled}${total === null ? '' : `/${total}`}`,
    `${Math.round(rate)}/s`,
    ...(recent === null ? [] : [`p50 ${formatMs(recent.p50Ms)}`, `p99 ${formatMs(recent.p99Ms)}`]),
    ...(ledger.givenUp.length > 0 ? [`given up ${ledger.givenUp.length}`] : []),
  ].join('  ');
}

/** Milliseconds for a person. */
export function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
