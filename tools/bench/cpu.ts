// The CPU time of a process, from /proc.
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** USER_HZ, the unit of /proc: 100 on every architecture that workerd is built for (`getconf CLK_TCK`). */
const MS_PER_TICK = 10;

const QUIET_SAMPLE_MS = 150;
/** The most CPU time in a sample of an idle process. */
const QUIET_MS = 10;
const MAX_SETTLE_MS = 8_000;

/** CPU time of a process so far, user and system, all threads; `null` where there is no /proc. */
export async function cpuMs(pid: number | undefined): Promise<number | null> {
  if (pid === undefined) return null;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return stat === null ? null : cpuMsOf(stat);
}

/** Reads /proc/<pid>/stat: utime and stime are fields 14 and 15 (proc_pid_stat(5)); the name may hold spaces. */
export function cpuMsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third on
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** Waits until a process has finished what follows its last answer: forwarding and consuming. */
export async function settle(pid: number | undefined): Promise<void> {
  const deadlineMs = performance.now() + MAX_SETTLE_MS;
  let before = await cpuMs(pid);
  for (let quiet = 0; quiet < 2 && performance.now() < deadlineMs; ) {
    await sleep(QUIET_SAMPLE_MS);
    const after = await cpuMs(pid);
    quiet = (after ?? 0) - (before ?? 0) <= QUIET_MS ? quiet + 1 : 0;
    before = after;
  }
}
