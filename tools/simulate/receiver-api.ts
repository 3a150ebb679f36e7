// Asks the receiver's API for the webhook URL and for everything that is stored.
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure, causeOf } from '../../scripts/command-line.ts';

/** The part of an event of GET /api/events that is compared. */
export interface ListedEvent {
  id: string;
  integration: string;
  type: unknown;
  status: unknown;
  contact: unknown;
  appId: unknown;
  messageId: unknown;
  occurredAt: unknown;
  receivedAt: unknown;
  deliveries: number;
  forwarded: boolean;
  payload: unknown;
}

/** The receiver cannot be asked, or gives no usable answer. */
export class ReceiverUnusable extends CommandFailure {
  override name = 'ReceiverUnusable';
}

/** The API's own maximum. */
const PAGE_EVENTS = 200;
const TIMEOUT_MS = 15_000;
const ATTEMPTS = 5;
const RETRY_MS = 500;

export class ReceiverApi {
  readonly #base: URL;
  readonly #adminToken: string;

  /** @param base the receiver's address, without `/api`. */
  constructor(base: URL, adminToken: string) {
    this.#base = base;
    this.#adminToken = adminToken;
  }

  /** An integration's webhook URL at the address that is asked. */
  async webhookUrl(slug: string): Promise<URL> {
    const { url } = (await this.#get(`api/integrations/${slug}`, 1)) as { url?: string };
    if (typeof url !== 'string') throw new ReceiverUnusable(`GET /api/integrations/${slug} gives no url`);
    return new URL(new URL(url).pathname, this.#base); // PUBLIC_URL may name the deployed one
  }

  /** All stored events that are wanted, newest first. */
  async listEvents(isWanted: (event: ListedEvent) => boolean): Promise<ListedEvent[]> {
    const wanted: ListedEvent[] = [];
    const seen = new Set<string>();
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query = new URLSearchParams({ limit: String(PAGE_EVENTS), ...(cursor !== '' && { cursor }) });
      const page = (await this.#get(`api/events?${query}`)) as { data: ListedEvent[]; next: string | null };
      if (!Array.isArray(page.data)) throw new ReceiverUnusable('GET /api/events gives no data');
      wanted.push(...page.data.filter(isWanted));
      cursor = page.next ?? null;
      if (cursor === null) break;
      if (seen.has(cursor))
        throw new ReceiverUnusable('GET /api/events goes in circles: a cursor came twice');
      seen.add(cursor);
    }
    return wanted;
  }

  async #get(path: string, attempts: number = ATTEMPTS): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#getOnce(path);
      } catch (error) {
        if (error instanceof ReceiverUnusable || attempt === attempts) throw asUnusable(error, this.#base);
        await sleep(RETRY_MS * attempt);
      }
    }
  }

  async #getOnce(path: string): Promise<unknown> {
    const answer = await fetch(new URL(path, this.#base), {
      headers: { authorization: `Bearer ${this.#adminToken}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await answer.text();
    const what = `GET /${path.replace(/\?.*/, '')} answered ${answer.status}`;
    if (answer.status >= 500) throw new Error(what);
    if (answer.status === 401) throw new ReceiverUnusable(`${what}: the admin token is not the receiver's`);
    if (!answer.ok) throw new ReceiverUnusable(`${what}: ${text.slice(0, 200)}`);
    return JSON.parse(text);
  }
}

/** Throws where a webhook URL does not let in. It sends an empty body, which is refused and not stored. */
export async function requireWebhookUrl(url: URL): Promise<void> {
  const answer = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(
    (error) => {
      throw asUnusable(error, url);
    },
  );
  await answer.body?.cancel();
  if (answer.status === 401) throw new ReceiverUnusable('the webhook URL is not one of the receiver (401)');
  if (answer.status === 404 || answer.status === 405) {
    throw new ReceiverUnusable(
      `--url takes a webhook URL, http(s)://…/webhooks/<integration>/<token> (${answer.status})`,
    );
  }
}

function asUnusable(error: unknown, url: URL): ReceiverUnusable {
  if (error instanceof ReceiverUnusable) return error;
  return new ReceiverUnusable(`no receiver at ${url.origin}: ${causeOf(error)}`);
}
