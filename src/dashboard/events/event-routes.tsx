// What became of an event on each route, and sending it again.

import type { FC } from 'hono/jsx';
import { ROUTED_STATES, type RoutedState } from '../../contract/routes.ts';
import { Badge, Panel, type Tone } from '../frame/components.tsx';
import { pagePath } from '../frame/local-path.ts';
import { filterTexts } from '../frame/texts.ts';
import type { View, Visitor } from '../frame/view.ts';
import type { EventAnswer } from './event-row.tsx';
import { eventRouteTexts, routedStateTexts } from './texts.ts';

const TONES: Record<RoutedState, Tone> = { forwarded: 'good', waits: 'warn', 'not-wanted': 'plain' };

export const EventRoutes: FC<{ view: Visitor; routes: EventAnswer['routes'] }> = ({ view, routes }) => {
  const t = eventRouteTexts(view.language);
  const states = routedStateTexts(view.language);
  const shown = routes.toSorted((a, b) => ROUTED_STATES.indexOf(a.state) - ROUTED_STATES.indexOf(b.state));
  return (
    <Panel id="routes" title={t.title}>
      {routes.length === 0 ? (
        <p>{t.none}</p>
      ) : (
        <table aria-labelledby="routes">
          <thead>
            <tr>
              <th scope="col">{filterTexts(view.language).route}</th>
              <th scope="col">{t.state}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(({ name, state }) => (
              <tr>
                <th scope="row">
                  <a href={pagePath`/routes/${name}`}>{name}</a>
                </th>
                <td>
                  <Badge tone={TONES[state]}>{states[state]}</Badge>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
};

/** Sends an event again: to all routes that want it, or to one of them. */
export const EventReplayForm: FC<{ view: View; path: string; routes: EventAnswer['routes'] }> = ({
  view,
  path,
  routes,
}) => {
  const t = eventRouteTexts(view.language);
  const wanting = routes.filter(({ state }) => state !== 'not-wanted');
  return (
    <form method="post" action={`${path}/replay`} class="action choice">
      {wanting.length > 1 && (
        <select name="route" aria-label={t.toRoute}>
          <option value="">{t.toAll}</option>
          {wanting.map(({ name }) => (
            <option value={name}>{name}</option>
          ))}
        </select>
      )}
      <button type="submit">{t.replay}</button>
    </form>
  );
};
