// A payload as a tree that one can read and unfold. Whatever it holds, the tree stays small: its depth, its nodes and its
// characters are bounded here, and the reader is told where something is left out.

import type { Child } from 'hono/jsx';
import { ExactNumber, parseExactly, parsePayload } from '../../contract/payload.ts';
import { Code, Said } from './components.tsx';
import { beginningOf } from './text-cutting.ts';
import { jsonTexts } from './texts.ts';
import type { Visitor } from './view.ts';
import { withinItself } from './writing-direction.ts';

const MAX_DEPTH = 12;
const MAX_CHILDREN = 100;
const MAX_NODES = 1_000;
const MAX_KEY_CHARACTERS = 200;
/** Longer texts are folded. */
const MAX_OPEN_CHARACTERS = 300;
const MAX_TEXT_CHARACTERS = 10_000;
/** Of all texts together. */
const MAX_CHARACTERS = 60_000;
/** What is nested deeper is folded at first. */
const OPEN_DEPTH = 2;

/** How much more a tree may hold. */
interface Budget {
  nodes: number;
  characters: number;
}

/** The tree of a JSON text; `null` where it cannot be read as JSON. */
export function payloadTree(view: Visitor, json: string): Child | null {
  const value = readExactly(json);
  if (value === undefined) return null;
  return branch(view, value, 0, { nodes: MAX_NODES, characters: MAX_CHARACTERS });
}

function readExactly(json: string): unknown {
  try {
    return parseExactly(json);
  } catch {
    // It is nested too deep for this parser.
  }
  try {
    return parsePayload(json);
  } catch {
    return undefined;
  }
}

/** The tree of a value that stands within a payload. */
export function valueTree(view: Visitor, value: unknown): Child {
  return <div class="tree">{branch(view, value, 1, { nodes: MAX_NODES, characters: MAX_CHARACTERS })}</div>;
}

function branch(view: Visitor, value: unknown, depth: number, budget: Budget): Child {
  const t = jsonTexts(view.language);
  if (value instanceof ExactNumber) return leaf(cut(value.digits, budget, MAX_KEY_CHARACTERS), t.number);
  if (typeof value === 'number') return leaf(String(value), t.number);
  if (typeof value === 'boolean') return leaf(String(value), t.boolean);
  if (typeof value === 'string') return text(view, value, budget);
  if (typeof value !== 'object' || value === null) return leaf('null', t.empty);

  const isList = Array.isArray(value);
  const members = isList ? value.entries() : Object.entries(value);
  const size = isList ? value.length : Object.keys(value).length;
  const words = (isList ? t.list : t.object)(size, view.formats.number(size));
  if (size === 0) return leaf(isList ? '[]' : '{}', words);
  if (depth >= MAX_DEPTH) return <span class="muted">{t.deeper}</span>;

  const shown: Child[] = [];
  for (const [name, member] of members) {
    if (shown.length >= MAX_CHILDREN || budget.nodes <= 0) break;
    budget.nodes--;
    shown.push(
      <div>
        <dt>
          <bdi>{withinItself(cut(String(name), budget, MAX_KEY_CHARACTERS))}</bdi>
        </dt>
        <dd>{branch(view, member, depth + 1, budget)}</dd>
      </div>,
    );
  }
  const left = size - shown.length;
  const content = (
    <>
      {shown.length > 0 && <dl>{shown}</dl>}
      {left > 0 && <p class="muted">{t.moreHere(view.formats.number(left))}</p>}
    </>
  );
  if (depth === 0) return <div class="tree">{content}</div>;
  return (
    <details open={depth <= OPEN_DEPTH}>
      <summary>
        <small>{words}</small>
      </summary>
      {content}
    </details>
  );
}

function leaf(value: string, type: string): Child {
  return (
    <>
      <Code text={value} /> <small>{type}</small>
    </>
  );
}

function text(view: Visitor, value: string, budget: Budget): Child {
  const t = jsonTexts(view.language);
  if (value === '') return leaf('""', t.text);
  if (value.length <= MAX_OPEN_CHARACTERS) {
    return (
      <>
        <Said text={cut(value, budget, MAX_OPEN_CHARACTERS)} /> <small>{t.text}</small>
      </>
    );
  }
  const begin = cut(value, budget, MAX_OPEN_CHARACTERS);
  const rest = cut(value.slice(begin.length), budget, MAX_TEXT_CHARACTERS);
  const isCut = begin.length + rest.length < value.length;
  return (
    <>
      <Said text={begin} />
      <details>
        <summary>
          <small>
            {t.text}, {t.characters(view.formats.number(value.length))}
          </small>
        </summary>
        <Said text={`…${rest}`} max={MAX_TEXT_CHARACTERS + 1} />
        {isCut && <p class="muted">{t.cut}</p>}
      </details>
    </>
  );
}

/** As much of a text as its own limit and the budget allow. */
function cut(whole: string, budget: Budget, max: number): string {
  const shown = beginningOf(whole, Math.min(max, budget.characters));
  budget.characters -= shown.length;
  return shown;
}
