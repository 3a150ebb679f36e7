// JSON that came from outside, as a tree and as the text it is; and any other text. No longer than a page can take.

import type { FC } from 'hono/jsx';
import { bodyTexts } from './json-texts.ts';
import { payloadTree } from './payload-tree.tsx';
import { beginningOf } from './text-cutting.ts';
import type { View } from './view.ts';

const MAX_SHOWN_CHARACTERS = 20_000;

interface Shown {
  view: View;
  text: string;
  /** What it is, for those who hear the page. */
  label: string;
  /** Whether its lines are as long as they are. */
  isColumns?: boolean;
}

/** A JSON text; what is none is shown as a text. */
export const JsonView: FC<Shown> = ({ view, text, label }) => {
  const tree = payloadTree(view, text);
  if (tree === null) return <TextView view={view} text={text} label={label} />;
  const { raw } = bodyTexts(view.language);
  return (
    <>
      {tree}
      <details>
        <summary>{raw}</summary>
        <TextView view={view} text={text} label={raw} />
      </details>
    </>
  );
};

/** Any text. */
export const TextView: FC<Shown> = ({ view, text, label, isColumns = false }) => (
  <>
    <section tabindex={0} aria-label={label}>
      <pre {...(isColumns && { class: 'as-columns' })}>
        <bdi>{beginningOf(text, MAX_SHOWN_CHARACTERS)}</bdi>
      </pre>
    </section>
    {text.length > MAX_SHOWN_CHARACTERS && (
      <p>
        <small>
          {bodyTexts(view.language).cut(
            view.formats.number(MAX_SHOWN_CHARACTERS),
            view.formats.number(text.length),
          )}
        </small>
      </p>
    )}
  </>
);
