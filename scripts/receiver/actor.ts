// The actor in the audit trail for what is done on the command line.
import { userInfo } from 'node:os';

/** E.g. `command-line:maria`: the operating system's user. */
export function commandLineActor(): string {
  return `command-line:${userName()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.()); // the user of a container may have no name
  }
}
