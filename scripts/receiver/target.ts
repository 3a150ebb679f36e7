// The options that say which receiver a command is for: a running one, which is asked over HTTP, or the local database itself.
import { UsageError, urlOf } from '../command-line.ts';
import { DEFAULT_STATE, LOCAL_URL } from '../start/options.ts';

/** A part of the help. */
export const TARGET_USAGE = `Where:
  --remote             the deployed receiver
  --url URL            the receiver's address (default: ${LOCAL_URL}, with --remote PUBLIC_URL of
                       wrangler.toml)
  --token TOKEN        its admin token (default: ADMIN_TOKEN of the environment, or, for this machine, of .dev.vars)
  --secrets-file FILE  with --remote: what \`npm run deploy -- --new-secrets\` wrote, to take the token from
  --persist-to DIR     the local database that \`npm start\` keeps there, e.g. ${DEFAULT_STATE}, whether a receiver runs or
                       not; --url is then only what the URLs that are shown begin with`;

/** For `parseArgs`. */
export const TARGET_OPTIONS = {
  remote: { type: 'boolean' },
  'secrets-file': { type: 'string' },
  'persist-to': { type: 'string' },
  url: { type: 'string' },
  token: { type: 'string' },
} as const;

/** What `parseArgs` gives for {@link TARGET_OPTIONS}. */
export interface TargetValues {
  remote?: boolean | undefined;
  'secrets-file'?: string | undefined;
  'persist-to'?: string | undefined;
  url?: string | undefined;
  token?: string | undefined;
}

/** Which receiver or database to ask. Paths are as written, and a URL has no slash at the end. */
export type Target =
  | {
      kind: 'receiver';
      isRemote: boolean;
      url?: string | undefined;
      token?: string | undefined;
      secretsFile?: string | undefined;
    }
  | { kind: 'database'; persistTo: string; url?: string | undefined };

/** Throws `UsageError` for options that do not go together. */
export function targetOf(values: TargetValues): Target {
  const { token, 'persist-to': persistTo, 'secrets-file': secretsFile } = values;
  const isRemote = values.remote === true;
  const url = values.url === undefined ? undefined : urlOf('--url', values.url).href.replace(/\/+$/, '');
  if (persistTo === '') throw new UsageError('--persist-to takes a directory');
  if (secretsFile === '') throw new UsageError('--secrets-file takes a file');
  if (secretsFile !== undefined && !isRemote) throw new UsageError('--secrets-file goes with --remote');
  if (persistTo === undefined) return { kind: 'receiver', isRemote, url, token, secretsFile };
  if (isRemote) throw new UsageError('--persist-to is for this machine, --remote is not');
  if (token !== undefined) throw new UsageError('--token is for a receiver; --persist-to asks none');
  return { kind: 'database', persistTo, url };
}
