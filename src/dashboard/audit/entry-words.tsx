// An entry of the audit trail in words: who, what, on what, and what else tells what was done.

import type { Child, FC } from 'hono/jsx';
import type * as z from 'zod';
import type { auditAnswer } from '../../api/audit/routes.ts';
import { REJECTION_REASONS } from '../../contract/assess.ts';
import type { AuditAction } from '../../store/audit.ts';
import { DEAD_LETTER_KINDS } from '../../store/dead-letters.ts';
import { kindWords } from '../dead-letters/words.ts';
import { apiPath } from '../frame/api-client.ts';
import type { Language } from '../frame/language.ts';
import { Said, Time } from '../frame/page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { reasonWords } from '../rejections/words.ts';
import { auditTexts } from './texts.ts';

type Entry = z.infer<typeof auditAnswer>;

const MAX_CHARACTERS = 300;

/** What was done, in words that the object follows. */
export function actionWords(action: AuditAction, language: Language): string {
  const t = auditTexts(language);
  switch (action) {
    case 'integration.create':
      return t.integrationCreate;
    case 'integration.update':
      return t.integrationUpdate;
    case 'integration.rotate':
      return t.integrationRotate;
    case 'integration.enable':
      return t.integrationEnable;
    case 'integration.disable':
      return t.integrationDisable;
    case 'integration.delete':
      return t.integrationDelete;
    case 'rejection.retry':
      return t.rejectionRetry;
    case 'rejection.retry-many':
      return t.rejectionRetryMany;
    case 'rejection.delete':
      return t.rejectionDelete;
    case 'event.replay':
      return t.eventReplay;
    case 'replay.create':
      return t.replayCreate;
    case 'replay.cancel':
      return t.replayCancel;
    case 'dead-letter.redrive':
      return t.deadLetterRedrive;
    case 'dead-letter.redrive-many':
      return t.deadLetterRedriveMany;
    case 'dead-letter.discard':
      return t.deadLetterDiscard;
    case 'dead-letter.discard-many':
      return t.deadLetterDiscardMany;
    case 'contact.erase':
      return t.contactErase;
  }
}

/** Who, as the API writes it: `admin-token`, `access:<email>`, `access-service:<name>`, `command-line:<user>`. */
export function actorWords(actor: string, language: Language): string {
  const t = auditTexts(language);
  if (actor === 'admin-token') return t.adminToken;
  const [, kind, name = ''] = /^(access|access-service|command-line):(.*)$/s.exec(actor) ?? [];
  switch (kind) {
    case 'access':
      return name;
    case 'access-service':
      return t.service(name);
    case 'command-line':
      return t.commandLine(name);
    default:
      return actor;
  }
}

/** On what, with a link where there is a page of it. */
export const AuditObject: FC<{ view: View; entry: Entry }> = ({ view, entry: { action, object } }) => {
  const t = auditTexts(view.language);
  const name = <Said text={object} max={MAX_CHARACTERS} />;
  switch (action) {
    case 'integration.create':
    case 'integration.update':
    case 'integration.rotate':
    case 'integration.enable':
    case 'integration.disable':
      return <a href={apiPath`/integrations/${object}`}>{name}</a>;
    case 'event.replay': {
      const [integration = '', ...id] = object.split('/');
      return <a href={apiPath`/events/${integration}/${id.join('/')}`}>{name}</a>;
    }
    case 'replay.create':
    case 'replay.cancel':
      return <a href={apiPath`/replays/${object}`}>{name}</a>;
    case 'rejection.retry-many':
    case 'dead-letter.redrive-many':
    case 'dead-letter.discard-many':
      return object === '*' ? (
        <span>{t.everything}</span>
      ) : (
        <a href={apiPath`/integrations/${object}`}>{name}</a>
      );
    case 'contact.erase':
      return <Said text={t.receipt(object)} max={MAX_CHARACTERS} />;
    case 'rejection.retry':
      return <a href={apiPath`/rejections/${object}`}>{name}</a>;
    case 'integration.delete':
    case 'rejection.delete':
    case 'dead-letter.redrive':
    case 'dead-letter.discard':
      return name; // gone
  }
};

/** What else tells what was done, by name. What is not there says something only where it was taken away. */
export function detailWords(
  { action, detail }: Pick<Entry, 'action' | 'detail'>,
  view: View,
): [name: string, words: Child][] {
  return Object.entries(detail)
    .filter(([, value]) => value !== null || action === 'integration.update')
    .map(([name, value]) => [nameWords(name, view.language), valueWords(name, value, view)]);
}

function nameWords(name: string, language: Language): string {
  const t = auditTexts(language);
  const isKnown = DETAILS.find((known) => known === name);
  return isKnown === undefined ? name : t[isKnown];
}

/** What the API writes into details. */
const DETAILS = [
  'appId',
  'description',
  'allowedIps',
  'requireSignature',
  'onRejection',
  'overlapHours',
  'generation',
  'integration',
  'kind',
  'reason',
  'outcome',
  'deliveries',
  'retried',
  'stored',
  'duplicates',
  'rejected',
  'done',
  'skipped',
  'event',
  'events',
  'unforwarded',
  'rejections',
  'deadLetters',
  'blotted',
  'blottedBy',
  'stage',
  'type',
  'status',
  'messageId',
  'since',
  'until',
  'all',
  'byContact',
  'cursor',
  'interrupted',
] as const;

function valueWords(name: string, value: unknown, view: View): Child {
  const t = auditTexts(view.language);
  const common = commonTexts(view.language);
  if (value === null) return t.cleared;
  if (typeof value === 'boolean') return value ? common.yes : common.no;
  if (typeof value === 'number') return view.formats.number(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const said = <Said text={text} max={MAX_CHARACTERS} />;
  switch (name) {
    case 'since':
    case 'until':
      return Number.isNaN(Date.parse(text)) ? said : <Time view={view} at={text} whole />;
    case 'reason': {
      const reason = REJECTION_REASONS.find((known) => known === text);
      return reason === undefined ? said : reasonWords(reason, view.language);
    }
    case 'kind': {
      const kind = DEAD_LETTER_KINDS.find((known) => known === text);
      return kind === undefined ? said : kindWords(kind, view.language);
    }
    case 'stage':
      return text === 'begun' || text === 'unfinished' || text === 'finished' ? t[text] : said;
    case 'outcome':
      switch (text) {
        case 'stored':
          return t.outcomeStored;
        case 'duplicate':
          return t.outcomeDuplicate;
        case 'rejected':
          return t.outcomeRejected;
        default:
          return said;
      }
    case 'type':
      return text === 'response' ? common.response : text === 'status' ? common.statusEvent : said;
    case 'status':
      return text === 'sent' || text === 'delivered' || text === 'read' || text === 'failed'
        ? common[text]
        : said;
    case 'onRejection':
      return text === 'accept' ? t.accept : text === 'refuse' ? t.refuse : said;
    case 'allowedIps':
      return Array.isArray(value) ? <Said text={value.join(', ')} max={MAX_CHARACTERS} /> : said;
    default:
      return said;
  }
}
