// Shows the progress of a run.
import { type Progress, showProgress } from '../../scripts/command-line.ts';
import type { Ledger } from './ledger.ts';

const BAR_LENGTH = 24;

/** @param total the number of deliveries; `null` where it is open. */
export function showLedger(ledger: Ledger, total: number | null, isWanted: boolean): Progress {
  let shown = { atMs: performance.now(), settled: 0 };
  const lineNow = (isTerminal: boolean) => {
    const nowMs = performance.now();
    const rate = ((ledger.settled - shown.settled) / Math.max(nowMs - shown.atMs, 1)) * 1000;
    shown = { atMs: nowMs, settled: ledger.settled };
    return progressLine(ledger, total, rate, isTerminal);
  };
  return showProgress(lineNow, { isWanted });
}

function progressLine(ledger: Ledger, total: number | null, rate: number, withBar: boolean): string {
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

export function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
