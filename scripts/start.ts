// `npm start`: runs the receiver and the example consumers on this machine, in wrangler's local mode, which reads and changes
// nothing in a Cloudflare account. scripts/install.mjs has run before.
import { watchFile } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure, reportError, runCommand } from './command-line.ts';
import { DEV_VARS } from './dev-vars.ts';
import { PROJECT } from './project.ts';
import { instructionsFor } from './start/instructions.ts';
import { ensureLocalSecrets, optionalSecretArguments } from './start/local-secrets.ts';
import { DEFAULT_STATE, localOrigin, parseStartOptions, type RunOptions, USAGE } from './start/options.ts';
import { ONE_ROUTE_STATUS, START_CONFIG } from './start/preparation.ts';
import { HeldLines, presentLine } from './start/wrangler-output.ts';
import { type WranglerProcess, WranglerProcesses } from './start/wrangler-processes.ts';

const SAMPLE = join(PROJECT, 'test', 'samples', 'response.json');

const READY_TIMEOUT_MS = 60_000;
const REFUSAL_TIMEOUT_MS = 5_000;
const READY_POLL_MS = 200;
const REQUEST_TIMEOUT_MS = 10_000;
const CRON = '* * * * *'; // of wrangler.toml
const CRON_INTERVAL_MS = 60_000;
const CRON_TIMEOUT_MS = 55_000; // one run at a time

const NAME = 'npm start';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** One Ctrl-C can arrive twice within this time: from the terminal, and from npm, which passes it on. */
const REPEATED_SIGNAL_MS = 500;

await runCommand(NAME, async () => {
  const options = parseStartOptions(process.argv.slice(2));
  if (options.kind === 'help') console.log(USAGE);
  else await runUntilStopped(options);
});

/** Runs until a signal, a failure or the end of wrangler, and leaves no process behind. */
async function runUntilStopped(options: RunOptions): Promise<void> {
  const { persistTo } = options;
  const state = persistTo === undefined ? join(PROJECT, DEFAULT_STATE) : resolve(persistTo);
  const wranglers = new WranglerProcesses(PROJECT, {
    // Wrangler sessions find each other's Workers and queues through the registry. Each checkout and each state has its own.
    // The .env file names that of the checkout for a consumer in a `wrangler dev` beside this one.
    WRANGLER_REGISTRY_PATH:
      process.env.WRANGLER_REGISTRY_PATH ??
      (persistTo === undefined ? join(PROJECT, '.wrangler/registry') : join(state, 'registry')),
  });
  process.once('exit', () => wranglers.kill());

  const stopRequested = new Promise<'stop'>((resolveRequest) => {
    let firstAtMs: number | undefined;
    const onSignal = () => {
      firstAtMs ??= performance.now();
      if (performance.now() - firstAtMs > REPEATED_SIGNAL_MS) process.exit(1); // a second Ctrl-C ends it at once
      resolveRequest('stop');
    };
    for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
    process.stdout.on('error', () => resolveRequest('stop')); // whoever reads the output has gone
  });

  const status = await Promise.race([stopRequested, run(options, state, wranglers)]).then(
    (end) => {
      if (end === 'stop') return 0;
      console.error(`${NAME}: wrangler dev has ended by itself, with status ${end}`);
      return end;
    },
    (error: unknown) => {
      reportError(NAME, error);
      return 1;
    },
  );
  await wranglers.stop();
  process.exit(status);
}

/** Starts everything, and resolves with wrangler's exit status when that ends. */
async function run(
  { port, ip, hasConsumer }: RunOptions,
  state: string,
  wranglers: WranglerProcesses,
): Promise<number> {
  if (await isPortInUse(port, ip)) {
    throw new CommandFailure(`port ${port} is in use. Take another one: npm start -- --port N`);
  }
  const secrets = await ensureLocalSecrets(DEV_VARS);
  const adminToken = secrets.ADMIN_TOKEN;

  console.log('Preparing the local database …');
  const hasSecondRoute = await prepare(state, wranglers);

  console.log(hasConsumer ? 'Starting receiver and consumers …' : 'Starting the receiver …');
  const origin = localOrigin({ ip, port });
  const shown = new HeldLines();
  const wrangler = wranglers.start(
    [
      'dev',
      ...['-c', START_CONFIG],
      ...(hasConsumer ? ['-c', 'examples/push-consumer/wrangler.toml'] : []),
      ...(hasConsumer && hasSecondRoute ? ['-c', 'examples/crm-consumer/wrangler.toml'] : []),
      ...(ip === undefined ? [] : ['--ip', ip]),
      ...['--port', String(port), '--inspector-port', '0', '--persist-to', state],
      '--show-interactive-dev-session=false',
      ...optionalSecretArguments(secrets),
    ],
    (line) => shown.add(presentLine(line)),
  );
  await requireReady(origin, wrangler, shown);
  watchFile(join(PROJECT, 'wrangler.toml'), () => void configure(wranglers));

  console.log(
    instructionsFor({
      origin,
      webhookUrl: await readWebhookUrl(origin, adminToken),
      adminToken,
      sample: await readFile(SAMPLE, 'utf8'),
      hasConsumer,
      hasSecondRoute,
      ip,
      platform: process.platform,
    }),
  );
  shown.release();

  // Both end with the process, as does the watching of wrangler.toml.
  setInterval(() => void fireCron(origin), CRON_INTERVAL_MS);
  void fireCron(origin);

  return wrangler.ended;
}

/**
 * Prepares database and configuration. Existing data stays as it is. False: all is prepared but for the second route, and what
 * is wrong with wrangler.toml has been said.
 */
async function prepare(state: string, wranglers: WranglerProcesses): Promise<boolean> {
  const preparation = wranglers.startScript('scripts/start/prepare.ts', [state]);
  const status = await preparation.ended;
  if (status === 0) return true;
  if (status !== ONE_ROUTE_STATUS) {
    throw new CommandFailure(`the local database could not be prepared:\n\n${preparation.output()}`);
  }
  console.log(`There is no second route and no consumer of it. ${preparation.output()}`);
  return false;
}

/**
 * Writes the configuration anew, from a wrangler.toml that was changed: wrangler starts the receiver with it. A failure is shown,
 * and what runs goes on with the configuration before.
 */
async function configure(wranglers: WranglerProcesses): Promise<void> {
  try {
    const configuring = wranglers.startScript('scripts/start/configure.ts', []);
    await configuring.ended;
    if (configuring.output() !== '') console.error(configuring.output());
  } catch (error) {
    console.error(
      `wrangler.toml was not read again: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Tries to connect, since binding may succeed on a port in use: some systems allow a second listener beside a wildcard one. */
async function isPortInUse(port: number, ip: string | undefined): Promise<boolean> {
  const accepted = await Promise.all(
    ['127.0.0.1', '::1', ...(ip === undefined ? [] : [ip])].map(
      (host) =>
        new Promise<boolean>((resolveAccepted) => {
          const socket = connect({ host, port });
          socket.once('connect', () => resolveAccepted(true)).once('error', () => resolveAccepted(false));
          socket.once('connect', () => socket.destroy());
        }),
    ),
  );
  return accepted.includes(true);
}

async function requireReady(origin: string, wrangler: WranglerProcess, shown: HeldLines): Promise<void> {
  let deadlineMs = performance.now() + READY_TIMEOUT_MS;
  let problem = '';
  const isUp = async () => {
    while (performance.now() < deadlineMs) {
      try {
        const answer = await fetch(`${origin}/healthz`, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
        if (answer.status === 200) return;
        problem = `GET /healthz answered ${answer.status}: ${await answer.text()}`;
        // It answers that it cannot work, for example because of a setting, which seldom passes.
        deadlineMs = Math.min(deadlineMs, performance.now() + REFUSAL_TIMEOUT_MS);
      } catch {
        problem = 'nobody answered GET /healthz';
      }
      await sleep(READY_POLL_MS);
    }
    throw new CommandFailure(`the receiver did not come up: ${problem}\n\n${shown.distinct()}`);
  };
  const hasEnded = async () => {
    const status = await wrangler.ended;
    throw new CommandFailure(`wrangler dev ended with status ${status}\n\n${shown.distinct()}`);
  };
  await Promise.race([isUp(), hasEnded()]);
}

async function readWebhookUrl(origin: string, adminToken: string): Promise<string> {
  const answer = await fetch(`${origin}/api/integrations/demo`, {
    headers: { authorization: `Bearer ${adminToken}` },
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  const text = await answer.text();
  if (!answer.ok) throw new CommandFailure(`GET /api/integrations/demo answered ${answer.status}: ${text}`);
  return (JSON.parse(text) as { url: string }).url;
}

/** Fires the cron, which does not fire by itself in local mode. A failure is shown, and the next minute tries again. */
async function fireCron(origin: string): Promise<void> {
  // https://developers.cloudflare.com/workers/configuration/cron-triggers/#test-cron-triggers-locally
  const url = `${origin}/cdn-cgi/local/scheduled?${new URLSearchParams({ cron: CRON })}`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(CRON_TIMEOUT_MS) });
    const outcome = await answer.text();
    if (!answer.ok) console.error(`The cron run failed: ${outcome}`);
  } catch (error) {
    console.error(`The cron run failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}
