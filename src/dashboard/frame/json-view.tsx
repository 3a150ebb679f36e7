// JSON and other texts from outside, cut to what a page can take.

import type { FC } from 'hono/jsx';
import { payloadTree } from './payload-tree.tsx';
import { beginningOf } from './text-cutting.ts';
import { jsonTexts } from './texts.ts';
import type { View } from './view.ts';

const MAX_TEXT_CHARACTERS = 20_000;

interface TextProps {
  view: View;
  text: string;
  /** Names the text for screen readers. */
  label: string;
}

/** A JSON text as a tree, and folded as the text it is. A text that is no JSON is shown as a text. */
export const JsonView: FC<TextProps> = ({ view, text, label }) => {
  const tree = payloadTree(view, text);
  if (tree === null) return <TextView view={view} text={text} label={label} />;
  const { raw } = jsonTexts(view.language);
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

/** Any text. `isColumns` disables wrapping. */
export const TextView: FC<TextProps & { isColumns?: boolean }> = ({
  view: { language, formats },
  text,
  label,
  isColumns = false,
}) => (
  <>
    <section tabindex={0} aria-label={label}>
      <pre {...(isColumns && { class: 'as-columns' })}>
        <bdi>{beginningOf(text, MAX_TEXT_CHARACTERS)}</bdi>
      </pre>
    </section>
    {text.length > MAX_TEXT_CHARACTERS && (
      <p>
        <small>
          {jsonTexts(language).firstCharacters(
            formats.number(MAX_TEXT_CHARACTERS),
            formats.number(text.length),
          )}
        </small>
      </p>
    )}
  </>
);
