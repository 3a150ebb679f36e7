// The audit trail: who changed what, and when.

import { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type * as z from 'zod';
import type { auditAnswer, auditPage } from '../../api/audit/routes.ts';
import { AUDIT_ACTIONS } from '../../store/audit.ts';
import type { Answer } from '../frame/api-client.ts';
import {
  ChoiceFilter,
  FilterForm,
  FilterProblems,
  type Filters,
  filtersOf,
  findList,
  PeriodFilters,
  TextFilter,
} from '../frame/filters.tsx';
import { ListPanel } from '../frame/list-panel.tsx';
import { html, Page, Said, Time } from '../frame/page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { DashboardEnv, View } from '../frame/view.ts';
import { AuditObject, actionWords, actorWords, detailWords } from './entry-words.tsx';
import { auditTexts } from './texts.ts';

const FILTERS = ['actor', 'action', 'object', 'since', 'until'];
const MAX_ACTOR_CHARACTERS = 120;

/** To be mounted at `/audit`. */
export function auditPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>().get('/', async (c) => {
    const view = c.get('view');
    const filters = filtersOf(c.req.query(), FILTERS, view);
    const found = await findList<z.infer<typeof auditPage>>(c, '/audit', filters);
    return c.html(html(<Trail view={view} filters={filters} found={found} />), found.ok ? 200 : 400);
  });
}

const Trail: FC<{ view: View; filters: Filters; found: Answer<z.infer<typeof auditPage>> }> = ({
  view,
  filters,
  found,
}) => {
  const t = auditTexts(view.language);
  const entries = found.ok ? found.data.data : [];
  const next = found.ok ? found.data.next : null;
  return (
    <Page view={view} title={t.title}>
      {!found.ok && <FilterProblems view={view} problem={found.problem} />}
      <p class="muted">{t.what}</p>
      <FilterForm view={view} action="/audit" filters={filters}>
        <TextFilter filters={filters} name="actor" label={t.actor} />
        <ChoiceFilter
          view={view}
          filters={filters}
          name="action"
          label={t.action}
          options={AUDIT_ACTIONS.map((action) => [
            action,
            actionWords(action, view.language).replace(/:$/, ''),
          ])}
        />
        <TextFilter filters={filters} name="object" label={t.object} />
        <PeriodFilters view={view} filters={filters} />
      </FilterForm>
      <ListPanel
        view={view}
        label={t.list}
        next={next}
        isEmpty={entries.length === 0}
        empty={found.ok ? (filters.isAny ? commonTexts(view.language).nothingFound : t.none) : null}
      >
        {entries.map((entry) => (
          <Row view={view} entry={entry} />
        ))}
      </ListPanel>
    </Page>
  );
};

const Row: FC<{ view: View; entry: z.infer<typeof auditAnswer> }> = ({ view, entry }) => {
  const details = detailWords(entry, view);
  return (
    <li class="row tall">
      <span class="who">
        <Said text={actorWords(entry.actor, view.language)} max={MAX_ACTOR_CHARACTERS} />
      </span>
      <span class="words">
        {actionWords(entry.action, view.language)} <AuditObject view={view} entry={entry} />
      </span>
      <span class="muted details">
        {details.map(([name, words], index) => (
          <>
            {index > 0 && ' · '}
            {name}: {words}
          </>
        ))}
      </span>
      <Time view={view} at={entry.at} />
    </li>
  );
};
