// `npm run deploy`: the first deployment and every later one. Everything is checked before anything changes. Migrations come
// before the code because they only add: the running code works with the new schema, the new code not with the old one.
import { resolve } from 'node:path';
import {
  CommandFailure,
  fromCaller,
  readCommandLine,
  requireNothingTaken,
  runCommand,
} from './command-line.ts';
import {
  applyMigrations,
  createDatabase,
  createQueue,
  databaseExists,
  queueExists,
  readSecretNames,
  uploadWorker,
} from './deploy/account.ts';
import { kilobytes, MAX_BUNDLE_GZIP_BYTES, requireBundle } from './deploy/bundle.ts';
import {
  requireIntendedRotation,
  requireKnownSecrets,
  requireSecretsFile,
  requireSecretsSet,
  writeNewSecrets,
} from './deploy/secrets.ts';
import { requireMigrations } from './migrations.ts';
import { PROJECT } from './project.ts';
import { readWranglerToml } from './wrangler-toml.ts';

const USAGE = `npm run deploy                             deploys; the Worker keeps its secrets
npm run deploy -- --new-secrets FILE       writes a file with new random secrets, and deploys nothing
npm run deploy -- --secrets-file FILE      deploys with these secrets: for the first deployment
npm run deploy -- --dry-run                checks and builds, shows the plan; needs no account, changes nothing

--rotate-webhook-secret   allows a file to replace WEBHOOK_SECRET: every registered URL becomes invalid`;

const OPTIONS = {
  'dry-run': { type: 'boolean', default: false },
  'secrets-file': { type: 'string' },
  'new-secrets': { type: 'string' },
  'rotate-webhook-secret': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

/** What a deployment does and needs. */
interface Plan {
  worker: string;
  database: { binding: string; name: string };
  migrations: string[];
  /** The queues that must exist beforehand. `wrangler deploy` creates only those that the Worker sends to. */
  queuesToHave: string[];
  requiredSecrets: string[];
  publicUrl: string;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    console.log(USAGE);
    return;
  }
  if (options['new-secrets'] !== undefined) {
    const path = fromCaller(options['new-secrets']);
    writeNewSecrets(path);
    console.log(`Wrote new secrets to ${path}: only you can read it. Deploy with it, then move it to your password store:

  npm run deploy -- --secrets-file ${options['new-secrets']}`);
    return;
  }

  const secretsFile = options['secrets-file'] && fromCaller(options['secrets-file']);
  const fileSecrets = secretsFile ? requireSecretsFile(secretsFile) : {};
  if (options['rotate-webhook-secret'] && !Object.hasOwn(fileSecrets, 'WEBHOOK_SECRET')) {
    throw new CommandFailure('--rotate-webhook-secret needs a --secrets-file with the new WEBHOOK_SECRET.');
  }
  const plan = await requirePlan();
  const bundleBytes = await requireBundle();
  console.log(`Bundle: ${kilobytes(bundleBytes)} gzip (limit ${kilobytes(MAX_BUNDLE_GZIP_BYTES)}).`);

  if (options['dry-run']) {
    printPlan(plan, secretsFile);
    return;
  }

  // Not together with the others: wrangler may have to renew an expired login, which two processes must not do at once.
  const secretNames = await readSecretNames(plan.worker);
  requireSecretsSet(plan.worker, plan.requiredSecrets, secretNames, fileSecrets);
  requireIntendedRotation(secretNames, fileSecrets, options['rotate-webhook-secret']);
  const [hasDatabase, ...hasQueues] = await Promise.all([
    databaseExists(plan.database.name),
    ...plan.queuesToHave.map(queueExists),
  ]);
  const missingQueues = plan.queuesToHave.filter((_, index) => !hasQueues[index]);

  // From here on things change. Each step leaves the running Worker intact and can be repeated.
  if (!hasDatabase) {
    console.log(`Creating the database "${plan.database.name}" …`);
    await createDatabase(plan.database.name);
  }
  for (const name of missingQueues) {
    console.log(`Creating the queue "${name}" …`);
    await createQueue(name);
  }
  console.log('Applying the migrations …');
  await applyMigrations(plan.database.binding);
  console.log('Deploying the code …');
  const targets = await uploadWorker(secretsFile);
  printNextSteps(plan, targets, options['rotate-webhook-secret']);
}

function readOptions(args: string[]) {
  // Without the `--`, a dry run would deploy.
  requireNothingTaken(Object.keys(OPTIONS), process.env, 'npm run deploy --');
  return readCommandLine({ args, options: OPTIONS }).values;
}

/** Reads wrangler.toml and the migrations. Throws where they cannot be deployed. */
async function requirePlan(): Promise<Plan> {
  const config = await readWranglerToml();
  const [database, ...others] = config.d1_databases;
  if (config.name === undefined) throw new CommandFailure('wrangler.toml must have a name.');
  if (database?.database_name === undefined || database.migrations_dir === undefined || others.length > 0) {
    throw new CommandFailure(
      'wrangler.toml must have one D1 database, with database_name and migrations_dir.',
    );
  }
  const requiredSecrets = config.secrets?.required ?? [];
  requireKnownSecrets(requiredSecrets);

  const { producers = [], consumers = [] } = config.queues;
  const created = producers.map(({ queue }) => queue);
  const expected = consumers
    .flatMap(({ queue, dead_letter_queue }) => [queue, dead_letter_queue])
    .filter((queue) => queue !== undefined)
    .filter((queue) => !created.includes(queue));
  return {
    worker: config.name,
    database: { binding: database.binding, name: database.database_name },
    migrations: requireMigrations(resolve(PROJECT, database.migrations_dir)),
    queuesToHave: [...new Set(expected)],
    requiredSecrets,
    publicUrl: String(config.vars.PUBLIC_URL ?? ''),
  };
}

function printPlan(plan: Plan, secretsFile: string | undefined): void {
  const steps = [
    `check that ${plan.requiredSecrets.join(' and ')} are set${secretsFile ? ` or in ${secretsFile}` : ''}`,
    `create the database "${plan.database.name}" if there is none`,
    ...plan.queuesToHave.map((queue) => `create the queue "${queue}" if there is none`),
    `apply those of these migrations that are new: ${plan.migrations.join(', ')}`,
    `deploy the code of "${plan.worker}", its other queues, crons and queue consumers`,
  ];
  console.log(`A deployment would, in this order:

${steps.map((step, index) => `  ${index + 1}. ${step}`).join('\n')}

Dry run: nothing was asked of Cloudflare, and nothing changed.`);
}

function printNextSteps(plan: Plan, targets: readonly string[], rotated: boolean): void {
  const url = plan.publicUrl.replace(/\/$/, '') || addressOf(targets) || '<URL of the Worker>';
  console.log(`
Deployed: ${url}${rotated ? '\n\nWEBHOOK_SECRET was replaced: register the new URL of every integration now.' : ''}

To add an integration, e.g. "shop", and see the URL to register for it:

  curl ${url}/api/integrations -H "Authorization: Bearer <ADMIN_TOKEN>" -H "Content-Type: application/json" --data '{"slug":"shop"}'`);
}

/** The first of wrangler's targets that is an address. Others are schedules, queues and route patterns. */
function addressOf(targets: readonly string[]): string | undefined {
  return targets
    .map((target) => /^(?:https:\/\/)?([\w-]+(?:\.[\w-]+)+)(?: \(custom domain.*)?$/.exec(target)?.[1])
    .filter((hostname) => hostname !== undefined)
    .map((hostname) => `https://${hostname}`)
    .at(0);
}

await runCommand('deploy', main);
