// One run against a receiver: sends, waits until everything is forwarded, compares.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Progress, UsageError } from '../../scripts/command-line.ts';
import { localAdminToken } from '../../scripts/dev-vars.ts';
import { Ledger } from './ledger.ts';
import type { SimulateOptions } from './options.ts';
import { planOf } from './plan.ts';
import { showLedger } from './progress.ts';
import { ReceiverApi, requireWebhookUrl } from './receiver-api.ts';
import { type Baseline, type Findings, isOfRun, reconcile } from './reconcile.ts';
import { type Tally, tallyOf } from './report.ts';
import { type Sending, startSending } from './sender.ts';
import { FIRST_RATE, keepBelow, measureTaken, rateFor } from './warm-up.ts';

/** The integration that `npm start` makes. */
const LOCAL_INTEGRATION = 'demo';
const FIRST_POLL_MS = 250;
const LONGEST_POLL_MS = 5_000;

export interface SimulateReport extends Tally {
  receiver: string;
  integration: string;
  seed: number;
  run: string;
  seconds: number;
  /** The last rate of sending, in deliveries a second; 0: as fast as the connections allowed. */
  rate: number;
  /** What the receiver took in the warm-up, in deliveries a second; `null`: not measured. Latencies are of after it. */
  taken: number | null;
}

interface Target {
  api: ReceiverApi;
  webhookUrl: URL;
  integration: string;
}

/** Throws `UsageError` or `CommandFailure` where it cannot run. */
export async function simulate(options: SimulateOptions): Promise<SimulateReport> {
  const { api, webhookUrl, integration } = await targetOf(options);
  await requireWebhookUrl(webhookUrl);
  const plan = planOf(options);
  const baseline: Baseline = new Map(
    (await api.listEvents(isOfRun(plan))).map(({ id, deliveries }) => [id, deliveries]),
  );

  const ledger = new Ledger(plan);
  const progress = showLedger(ledger, plan.deliveries.length, options.progress);
  try {
    const startMs = performance.now();
    const rate = options.rate ?? FIRST_RATE;
    const sending = startSending(plan.deliveries, { ...options, rate, url: () => webhookUrl }, ledger);
    const pace =
      options.rate === null ? await sentWithCare(sending, ledger, progress) : { rate, taken: null };
    await sending.done;
    const seconds = Math.round(performance.now() - startMs) / 1000;
    const compare = async () =>
      reconcile(plan, ledger, integration, baseline, await api.listEvents(isOfRun(plan)));
    const findings = await settledFindings(compare, options.settleMs, progress);
    const tally = tallyOf(plan, ledger, findings, { intakeSurvives: true });
    return {
      receiver: webhookUrl.origin,
      integration,
      seed: options.seed,
      run: options.run,
      seconds,
      ...pace,
      ...tally,
    };
  } finally {
    progress.stop();
  }
}

/** Sends at a rate that the receiver can take, and returns it. */
async function sentWithCare(
  sending: Sending,
  ledger: Ledger,
  progress: Progress,
): Promise<Pick<SimulateReport, 'rate' | 'taken'>> {
  const { taken, rate: lastRate } = await measureTaken(sending, ledger);
  if (taken === null) return { rate: lastRate, taken };
  const rate = rateFor(taken);
  ledger.latencies.forget();
  progress.say(`It takes some ${Math.round(taken)} deliveries/s, and is sent ${rate}/s from here on.`);
  const slowDown = (slower: number) => progress.say(`It falls behind, and is sent ${slower}/s from here on.`);
  return { rate: await keepBelow(sending, ledger, rate, slowDown), taken };
}

/** Compares until no events are on their way any more: deferred ones to D1, stored ones to the queue. */
async function settledFindings(
  compare: () => Promise<Findings>,
  settleMs: number,
  progress: Progress,
): Promise<Findings> {
  const deadlineMs = performance.now() + settleMs;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)) {
    const findings = await compare();
    const { unforwarded, deferredMissing } = findings;
    if (unforwarded.length + deferredMissing.length === 0 || performance.now() > deadlineMs) return findings;
    progress.phase(
      `Waiting: ${unforwarded.length} events to be forwarded, ${deferredMissing.length} deferred ones to be stored …`,
    );
    await sleep(pollMs);
  }
}

async function targetOf(options: SimulateOptions): Promise<Target> {
  const local = new URL(`http://127.0.0.1:${options.port}`);
  const address = options.url ?? local;
  const token = options.token ?? process.env.ADMIN_TOKEN ?? localAdminToken(address);
  if (options.url === null) {
    const api = new ReceiverApi(local, token);
    return { api, webhookUrl: await api.webhookUrl(LOCAL_INTEGRATION), integration: LOCAL_INTEGRATION };
  }
  const [, base, integration] = /^(.*)\/webhooks\/([^/]+)\/[^/]+$/.exec(options.url.href) ?? [];
  if (base === undefined || integration === undefined) {
    throw new UsageError('--url takes a webhook URL, http(s)://…/webhooks/<integration>/<token>');
  }
  return { api: new ReceiverApi(new URL(`${base}/`), token), webhookUrl: options.url, integration };
}
