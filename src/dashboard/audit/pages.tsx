// The page of the audit trail.

import type { FC } from 'hono/jsx';
import type { listAudit } from '../../api/audit/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import type { Answer } from '../frame/api-client.ts';
import { Said, Time } from '../frame/components.tsx';
import { ChoiceFilter, type Filters, PeriodFilters, TextFilter } from '../frame/filters.tsx';
import { FilteredListPage } from '../frame/list-page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { AuditObject, actorWords, detailWords } from './entry-words.tsx';
import { auditActionTexts, auditTexts } from './texts.ts';

export type AuditPage = AnswerOf<typeof listAudit>;

const MAX_ACTOR_CHARACTERS = 120;

export const AuditTrail: FC<{ view: View; filters: Filters; found: Answer<AuditPage> }> = ({
  view,
  filters,
  found,
}) => {
  const t = auditTexts(view.language);
  const field = { view, filters };
  const actions = Object.entries(auditActionTexts(view.language));
  return (
    <FilteredListPage
      view={view}
      path="/audit"
      title={commonTexts(view.language).audit}
      explanation={t.what}
      label={t.list}
      none={t.none}
      filters={filters}
      fields={
        <>
          <TextFilter {...field} name="actor" label={t.actor} />
          <ChoiceFilter
            {...field}
            name="action"
            label={t.action}
            options={actions.map(([action, words]) => [action, words.replace(/:$/, '')])}
          />
          <TextFilter {...field} name="object" label={t.object} />
          <PeriodFilters {...field} />
        </>
      }
      found={found}
      row={(entry) => <Row view={view} entry={entry} />}
    />
  );
};

const Row: FC<{ view: View; entry: AuditPage['data'][number] }> = ({ view, entry }) => (
  <li class="row tall">
    <span class="who">
      <Said text={actorWords(entry.actor, view.language)} max={MAX_ACTOR_CHARACTERS} />
    </span>
    <span class="words">
      {auditActionTexts(view.language)[entry.action]} <AuditObject view={view} entry={entry} />
    </span>
    <span class="muted details">
      {detailWords(entry, view).map(([name, words], index) => (
        <>
          {index > 0 && ' · '}
          {name}: {words}
        </>
      ))}
    </span>
    <Time view={view} at={entry.at} />
  </li>
);
