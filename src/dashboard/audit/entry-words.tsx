// An entry of the audit trail in words: who did what, on what, and the details.

import type { Child, FC } from 'hono/jsx';
import type * as z from 'zod';
import type { auditAnswer } from '../../api/audit/routes.ts';
import { routeFilter } from '../../contract/routes.ts';
import { deadLetterKindTexts } from '../dead-letters/texts.ts';
import { Said, Time } from '../frame/components.tsx';
import { type Language, textOfCode } from '../frame/language.ts';
import { pagePath } from '../frame/local-path.ts';
import { commonTexts, eventTypeTexts, statusTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { rejectionReasonTexts } from '../rejections/texts.ts';
import { FilterSummary } from '../routes/filter-fields.tsx';
import {
  auditTexts,
  beginningTexts,
  detailTexts,
  onRejectionTexts,
  outcomeTexts,
  stageTexts,
} from './texts.ts';

type Entry = z.infer<typeof auditAnswer>;

const MAX_CHARACTERS = 300;

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

/** The object of an entry, linked to its page where it has one. */
export const AuditObject: FC<{ view: View; entry: Entry }> = ({ view, entry: { action, object } }) => {
  const t = auditTexts(view.language);
  const name = <Said text={object} max={MAX_CHARACTERS} />;
  switch (action) {
    case 'integration.create':
    case 'integration.update':
    case 'integration.rotate':
    case 'integration.enable':
    case 'integration.disable':
      return <a href={pagePath`/integrations/${object}`}>{name}</a>;
    case 'event.replay': {
      const [integration = '', ...id] = object.split('/');
      return <a href={pagePath`/events/${integration}/${id.join('/')}`}>{name}</a>;
    }
    case 'replay.create':
    case 'replay.cancel':
    case 'replay.pause':
    case 'replay.resume':
      return <a href={pagePath`/replays/${object}`}>{name}</a>;
    case 'route.create':
    case 'route.update':
    case 'route.pause':
    case 'route.resume':
      return <a href={pagePath`/routes/${object}`}>{name}</a>;
    case 'rejection.retry-many':
    case 'dead-letter.redrive-many':
    case 'dead-letter.discard-many':
      return object === '*' ? (
        <span>{t.everything}</span>
      ) : (
        <a href={pagePath`/integrations/${object}`}>{name}</a>
      );
    case 'contact.erase':
      return <Said text={t.receipt(object)} max={MAX_CHARACTERS} />;
    case 'rejection.retry':
      return <a href={pagePath`/rejections/${object}`}>{name}</a>;
    case 'integration.delete':
    case 'route.delete':
    case 'rejection.delete':
    case 'dead-letter.redrive':
    case 'dead-letter.discard':
      return name; // the object is gone
  }
};

/** The details of an entry. An update lists the settings that it cleared, too; elsewhere `null` means nothing. */
export function detailWords(
  { action, detail }: Pick<Entry, 'action' | 'detail'>,
  view: View,
): [name: string, words: Child][] {
  return Object.entries(detail)
    .filter(([, value]) => value !== null || action === 'integration.update')
    .map(([name, value]) => [
      textOfCode(detailTexts(view.language), name) ?? name,
      valueWords(name, value, view),
    ]);
}

/** The details that are codes, each with its texts. */
const CODES = new Map<string, (language: Language) => Readonly<Record<string, string>>>([
  ['reason', rejectionReasonTexts],
  ['kind', deadLetterKindTexts],
  ['stage', stageTexts],
  ['outcome', outcomeTexts],
  ['type', eventTypeTexts],
  ['status', statusTexts],
  ['onRejection', onRejectionTexts],
  ['from', beginningTexts],
]);

/** Which events go to a route. */
const FilterWords: FC<{ view: View; filter: unknown }> = ({ view, filter }) => {
  const { data } = routeFilter.safeParse(filter);
  return data === undefined ? (
    <Said text={JSON.stringify(filter)} max={MAX_CHARACTERS} />
  ) : (
    <FilterSummary view={view} filter={data} />
  );
};

function valueWords(name: string, value: unknown, view: View): Child {
  const common = commonTexts(view.language);
  if (value === null) return auditTexts(view.language).cleared;
  if (typeof value === 'boolean') return value ? common.yes : common.no;
  if (typeof value === 'number') return view.formats.number(value);
  if (name === 'filter') return <FilterWords view={view} filter={value} />;
  const isAddresses = name === 'allowedIps' && Array.isArray(value);
  const text = typeof value === 'string' ? value : isAddresses ? value.join(', ') : JSON.stringify(value);
  const isTime = name === 'since' || name === 'until' || name === 'from';
  if (isTime && !Number.isNaN(Date.parse(text))) return <Time view={view} at={text} whole />;
  const words = textOfCode(CODES.get(name)?.(view.language) ?? {}, text);
  return words ?? <Said text={text} max={MAX_CHARACTERS} />;
}
