// The page of a search that finds nothing: what was asked for, and what can be found.

import type { FC } from 'hono/jsx';
import { lacksAreaCode } from '../../contract/contact.ts';
import { Notice, Said } from '../frame/components.tsx';
import { Page } from '../frame/page.tsx';
import { beginningOf } from '../frame/text-cutting.ts';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { findTexts } from './texts.ts';

const MAX_ASKED_CHARACTERS = 300;

export const NothingFoundPage: FC<{ view: View; asked: string }> = ({ view, asked }) => {
  const t = findTexts(view.language);
  return (
    <Page view={view} title={t.title}>
      <p>
        {t.nothing}{' '}
        <q>
          <Said text={asked} max={MAX_ASKED_CHARACTERS} />
        </q>
      </p>
      {lacksAreaCode(asked) && <Notice tone="bad">{t.noAreaCode}</Notice>}
      <search aria-label={t.again}>
        <form action="/find" class="narrow">
          <label>
            {t.again}
            <input type="text" name="q" value={beginningOf(asked, MAX_ASKED_CHARACTERS)} required />
          </label>
          <button type="submit">{commonTexts(view.language).find}</button>
        </form>
      </search>
      <p>{t.can}</p>
      <ul>
        <li>{t.number}</li>
        <li>{t.identity}</li>
        <li>{t.message}</li>
        <li>{t.event}</li>
      </ul>
      <p class="muted">
        {t.retention} <a href="/events">{t.filtered}</a>
      </p>
    </Page>
  );
};
