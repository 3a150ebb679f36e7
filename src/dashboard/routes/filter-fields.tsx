// Which events go to a route: as fields of a form, and in words.

import type { FC } from 'hono/jsx';
import type { getRoute } from '../../api/routes/routes.ts';
import { EVENT_TYPES, STATUSES } from '../../contract/webhook.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { type Fact, Facts, Said } from '../frame/components.tsx';
import { textOfCode } from '../frame/language.ts';
import { eventTypeTexts, statusTexts } from '../frame/texts.ts';
import type { View, Visitor } from '../frame/view.ts';
import { newRouteTexts, routeTexts } from './texts.ts';

type Filter = AnswerOf<typeof getRoute>['filter'];

const KINDS = ['integrations', 'types', 'statuses'] as const;
type Kind = (typeof KINDS)[number];

const MAX_SLUG_CHARACTERS = 64;

/** The filter among the fields of a form, as the API takes it. What has nothing ticked is absent. */
export function filterIn(form: Record<string, unknown>): Partial<Record<Kind, string[]>> {
  return Object.fromEntries(
    KINDS.map((kind) => [kind, textsIn(form[kind])] as const).filter(([, ticked]) => ticked.length > 0),
  );
}

/** A field that is there several times is a list. */
function textsIn(value: unknown): string[] {
  return [value].flat().filter((text) => typeof text === 'string' && text !== '') as string[];
}

/**
 * The check boxes of a filter.
 *
 * @param integrations the slugs that there are.
 * @param ticked also of what there is no more, which stays ticked until somebody takes it out.
 */
export const FilterFields: FC<{
  view: View;
  integrations: readonly string[];
  ticked: { readonly [Ticked in Kind]?: readonly string[] | undefined };
}> = ({ view, integrations, ticked }) => {
  const t = routeTexts(view.language);
  const hints = newRouteTexts(view.language);
  return (
    <>
      <p>
        <small>{hints.noneTicked}</small>
      </p>
      <Boxes
        view={view}
        kind="integrations"
        legend={t.integrations}
        options={integrations}
        ticked={ticked.integrations ?? []}
        hint={integrations.length === 0 ? hints.noIntegrations : undefined}
      />
      <Boxes view={view} kind="types" legend={t.types} options={EVENT_TYPES} ticked={ticked.types ?? []} />
      <Boxes
        view={view}
        kind="statuses"
        legend={t.statuses}
        options={STATUSES}
        ticked={ticked.statuses ?? []}
        hint={hints.statusHint}
      />
    </>
  );
};

const Boxes: FC<{
  view: View;
  kind: Kind;
  legend: string;
  options: readonly string[];
  ticked: readonly string[];
  hint?: string | undefined;
}> = ({ view, kind, legend, options, ticked, hint }) => (
  <fieldset class="boxes" {...(hint !== undefined && { 'aria-describedby': `hint-${kind}` })}>
    <legend>{legend}</legend>
    {[...new Set([...options, ...ticked])].map((value) => (
      <label>
        <input type="checkbox" name={kind} value={value} checked={ticked.includes(value)} />
        <FilterValue view={view} kind={kind} value={value} />
      </label>
    ))}
    {hint !== undefined && <small id={`hint-${kind}`}>{hint}</small>}
  </fieldset>
);

const FilterValue: FC<{ view: Visitor; kind: Kind; value: string }> = ({ view, kind, value }) => {
  const words =
    kind === 'types'
      ? textOfCode(eventTypeTexts(view.language), value)
      : kind === 'statuses'
        ? textOfCode(statusTexts(view.language), value)
        : undefined;
  return words === undefined ? <Said text={value} max={MAX_SLUG_CHARACTERS} /> : <span>{words}</span>;
};

const FilterValues: FC<{ view: Visitor; kind: Kind; values: readonly string[] }> = ({
  view,
  kind,
  values,
}) => (
  <span>
    {values.map((value, index) => (
      <>
        {index > 0 && ', '}
        <FilterValue view={view} kind={kind} value={value} />
      </>
    ))}
  </span>
);

/** A filter in a few words. */
export const FilterSummary: FC<{ view: Visitor; filter: Filter }> = ({ view, filter }) => {
  const given = KINDS.flatMap((kind) => (filter[kind] === undefined ? [] : [[kind, filter[kind]] as const]));
  if (given.length === 0) return <span>{routeTexts(view.language).all}</span>;
  return (
    <span>
      {given.map(([kind, values], index) => (
        <>
          {index > 0 && ' · '}
          <FilterValues view={view} kind={kind} values={values} />
        </>
      ))}
    </span>
  );
};

/** A filter as names and values. */
export const FilterFacts: FC<{ view: Visitor; filter: Filter }> = ({ view, filter }) => {
  const t = routeTexts(view.language);
  const facts = KINDS.flatMap((kind): Fact[] => {
    const values = filter[kind];
    return values === undefined ? [] : [[t[kind], <FilterValues view={view} kind={kind} values={values} />]];
  });
  return facts.length === 0 ? <p>{t.all}</p> : <Facts facts={facts} />;
};
