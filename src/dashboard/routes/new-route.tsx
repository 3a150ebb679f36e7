// Leads a person through adding a route: its name, its queue, which events it gets, and where it begins.

import type { FC } from 'hono/jsx';
import type { ContractProblem } from '../../contract/problems.ts';
import { receiverToml } from '../../contract/route-queues.ts';
import { bindingOf } from '../../contract/routes.ts';
import { Copyable, Notice, Panel } from '../frame/components.tsx';
import { momentOf } from '../frame/formats.ts';
import { Page } from '../frame/page.tsx';
import { ProblemList, ProblemWords } from '../frame/problem-words.tsx';
import type { View } from '../frame/view.ts';
import { FilterFields, filterIn } from './filter-fields.tsx';
import { newRouteTexts, routeListTexts, routeTexts } from './texts.ts';

const BEGINNINGS = ['now', 'oldest', 'time'] as const;

/** The fields as they were filled in. */
export interface TypedRoute {
  name: string;
  filter: ReturnType<typeof filterIn>;
  beginning: (typeof BEGINNINGS)[number];
  /** Local. */
  time: string;
}

export function typedRoute(form: Record<string, unknown>): TypedRoute {
  const text = (name: string) => (typeof form[name] === 'string' ? form[name].trim() : '');
  return {
    name: text('name'),
    filter: filterIn(form),
    beginning: BEGINNINGS.find((known) => known === form.beginning) ?? 'now',
    time: text('time'),
  };
}

/** Where a route is to begin, as the API takes it. A time that cannot be read is left as it is, for the API to refuse. */
export function beginningOf({ beginning, time }: TypedRoute, { timeZone }: Pick<View, 'timeZone'>): string {
  if (beginning !== 'time') return beginning;
  const moment = momentOf(time, timeZone);
  return moment === null ? time : new Date(moment).toISOString();
}

/** Asks for the name. @param error what is wrong with the one that was typed. */
export const RouteNamePage: FC<{
  view: View;
  name: string;
  error: ContractProblem | 'route-exists' | null;
}> = ({ view, name, error }) => {
  const t = newRouteTexts(view.language);
  return (
    <Page view={view} title={routeListTexts(view.language).new}>
      <Panel id="name" title={t.nameTitle}>
        <form action="/routes/_new" class="narrow">
          <div class="field">
            <label for="field-name">{t.name}</label>
            <input
              id="field-name"
              name="name"
              value={name}
              required
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              aria-describedby="hint-name"
              {...(error !== null && { 'aria-invalid': 'true' as const })}
            />
            <div id="hint-name">
              {error !== null && (
                <p class="wrong" role="alert">
                  {error === 'route-exists' ? (
                    t.taken
                  ) : (
                    <ProblemWords language={view.language} problem={error} />
                  )}
                </p>
              )}
              <small>{t.nameHint}</small>
            </div>
          </div>
          <button type="submit">{t.goOn}</button>
        </form>
      </Panel>
    </Page>
  );
};

export interface NewRoutePageProps {
  view: View;
  typed: TypedRoute;
  /** Whether the receiver has the binding of its queue. */
  isBound: boolean;
  /** The slugs that there are. */
  integrations: readonly string[];
  errors?: readonly ContractProblem[];
  /** Why it cannot be added although nothing is wrong with what was filled in. */
  conflict?: string | null;
}

/** Says what its queue needs, and asks for the rest. */
export const NewRoutePage: FC<NewRoutePageProps> = ({
  view,
  typed,
  isBound,
  integrations,
  errors = [],
  conflict = null,
}) => {
  const t = newRouteTexts(view.language);
  return (
    <Page view={view} title={routeListTexts(view.language).new}>
      {conflict !== null && <Notice tone="bad">{conflict}</Notice>}
      {errors.length > 0 && (
        <>
          <Notice tone="bad">{routeTexts(view.language).notSaved}</Notice>
          <ProblemList language={view.language} problems={errors} />
        </>
      )}
      <Panel id="name" title={t.nameTitle} beside={<a href="/routes/_new">{t.otherName}</a>}>
        <p>
          <strong>{typed.name}</strong>
        </p>
      </Panel>
      <Panel id="queue" title={t.queueTitle}>
        {isBound ? (
          <p>{t.isBound(bindingOf(typed.name))}</p>
        ) : (
          <>
            <p>{t.byCommand}</p>
            <Copyable view={view} value={`npm run routes -- add ${typed.name}`} label={t.command} />
            <p>{t.byHand}</p>
            <Copyable view={view} value={receiverToml(typed.name)} label={t.receiverToml} />
          </>
        )}
      </Panel>
      <form method="post" action="/routes/_new">
        <input type="hidden" name="name" value={typed.name} />
        <Panel id="filter" title={t.filterTitle}>
          <FilterFields view={view} integrations={integrations} ticked={typed.filter} />
        </Panel>
        <Panel id="beginning" title={t.beginningTitle}>
          <fieldset class="boxes" aria-labelledby="beginning">
            {BEGINNINGS.map((beginning) => (
              <label>
                <input
                  type="radio"
                  name="beginning"
                  value={beginning}
                  checked={typed.beginning === beginning}
                />
                {{ now: t.fromNow, oldest: t.fromOldest, time: t.fromTime }[beginning]}
              </label>
            ))}
          </fieldset>
          <label class="time">
            {t.time}
            <input type="datetime-local" name="time" value={typed.time} />
          </label>
        </Panel>
        <button type="submit">{t.create}</button>
      </form>
    </Page>
  );
};
