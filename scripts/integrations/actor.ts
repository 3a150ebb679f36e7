// Who uses the command line, for the audit trail.
import { userInfo } from 'node:os';

/** E.g. `command-line:maria`: the operating system's user. */
export function commandLineActor(): string {
  return `command-line:${userName()}`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.()); // in a container whose user has no name
  }
}
