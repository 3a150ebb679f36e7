// A child process with all that it starts: a process group of its own, and on Windows, which has none, what taskkill ends.
import { type ChildProcess, spawnSync } from 'node:child_process';

const IS_WINDOWS = process.platform === 'win32';

/** Options of `spawn` for a process that is signalled with its tree, and that Ctrl-C in the terminal does not reach. */
export const OWN_TREE = { detached: !IS_WINDOWS, windowsHide: true };

/** Signals a process and all that it started. Synchronous, so that it can be the last thing that this process does. */
export function signalTree(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  if (IS_WINDOWS) spawnSync('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore' });
  else signalGroup(pid, signal);
}

/** Whether any process of a tree is alive; on Windows only whether the first one is. */
export function isTreeAlive({ pid, exitCode, signalCode }: ChildProcess): boolean {
  if (pid === undefined) return false;
  return IS_WINDOWS ? exitCode === null && signalCode === null : signalGroup(pid, 0);
}

/** False when the group is gone. The group outlives its first process for as long as it has members. */
function signalGroup(groupId: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-groupId, signal);
    return true;
  } catch {
    return false;
  }
}
