// The sign-in form, and the page on the way to it.

import type { FC } from 'hono/jsx';
import { Notice } from '../frame/components.tsx';
import { Document, LanguageSwitch } from '../frame/page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { Visitor } from '../frame/view.ts';
import { signInTexts } from './texts.ts';

/** @param failure why it has to be tried again. */
export const SignInPage: FC<{ visitor: Visitor; next: string; failure?: 'wrong' | 'tooMany' }> = ({
  visitor,
  next,
  failure,
}) => {
  const t = signInTexts(visitor.language);
  return (
    <Document visitor={visitor} title={t.title}>
      <main class="sign-in">
        <h1>{commonTexts(visitor.language).product}</h1>
        <form method="post" action="/sign-in" class="panel">
          {failure && <Notice tone="bad">{t[failure]}</Notice>}
          <input type="hidden" name="next" value={next} />
          <label>
            {t.token}
            <input
              type="password"
              name="token"
              autocomplete="current-password"
              required
              autofocus
              aria-describedby="hint"
            />
          </label>
          <small id="hint">{t.hint}</small>
          <button type="submit">{t.title}</button>
        </form>
        <LanguageSwitch visitor={visitor} />
      </main>
    </Document>
  );
};

/**
 * Opens the same address again from a page of our own. A link on another site brings no `SameSite=Strict` cookie with it,
 * but a page of the same site does.
 */
export const ContinuePage: FC<{ visitor: Visitor }> = ({ visitor }) => {
  const t = signInTexts(visitor.language);
  const head = <meta http-equiv="refresh" content="0" />;
  return (
    <Document visitor={visitor} title={t.continuing} head={head}>
      <main class="sign-in">
        <h1>{commonTexts(visitor.language).product}</h1>
        <p>
          <a href={visitor.address}>{t.continuing}</a>
        </p>
      </main>
    </Document>
  );
};
