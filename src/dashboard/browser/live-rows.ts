// Live rows, which appear on top of a list. While the reader has scrolled down, or has the focus within the list, they wait
// behind a button, so that nothing moves.

import htmx from 'htmx.org';

interface LiveList {
  rows: HTMLElement;
  button: HTMLButtonElement;
  /** The first of the waiting rows as HTML, oldest first; `heldCount` counts all. */
  held: string[];
  heldCount: number;
}

/** So many waiting rows are kept. With more, the page is loaded again instead. */
const MAX_HELD = 500;
/** With so many rows on a page new ones wait, so that a page that is left open does not grow without end. */
const MAX_ROWS = 1_000;

export function holdLiveRows(): void {
  for (const live of document.querySelectorAll<HTMLElement>('.live')) {
    const rows = live.querySelector<HTMLElement>('#rows');
    const button = live.querySelector<HTMLButtonElement>('button.held');
    if (rows !== null && button !== null) hold({ rows, button, held: [], heldCount: 0 });
  }
}

function hold(list: LiveList): void {
  list.rows.addEventListener('htmx:sseBeforeMessage', (event) => {
    const { data } = (event as CustomEvent<MessageEvent<string>>).detail;
    const id = /^<li id="(event-\d+)"/.exec(data)?.[1];
    const isKnown = id === undefined || document.getElementById(id) !== null;
    const isHeld = id !== undefined && list.held.some((row) => row.startsWith(`<li id="${id}"`));
    if (isKnown || isHeld) {
      event.preventDefault(); // after an interruption the stream may repeat events
    } else if (isReading(list.rows) || isFull(list.rows)) {
      event.preventDefault();
      list.heldCount++;
      if (list.held.length < MAX_HELD) list.held.push(data);
      offer(list);
    }
  });
  list.rows.addEventListener('htmx:afterSwap', () => trim(list.rows));
  list.button.addEventListener('click', () => {
    release(list);
    list.rows.closest('.live')?.scrollIntoView({ block: 'start' });
  });
  addEventListener('scroll', () => list.heldCount > 0 && !isReading(list.rows) && release(list), {
    passive: true,
  });
}

/** Whether new rows on top would move what the reader looks at. */
function isReading(rows: HTMLElement): boolean {
  return rows.getBoundingClientRect().top < 0 || rows.contains(document.activeElement);
}

function isFull(rows: HTMLElement): boolean {
  return rows.dataset.max === undefined && rows.children.length >= MAX_ROWS;
}

function offer({ button, heldCount }: LiveList): void {
  const { one = '', many = '' } = button.dataset;
  const lang = document.documentElement.lang;
  button.textContent = heldCount === 1 ? one : many.replace('{n}', heldCount.toLocaleString(lang));
  button.hidden = false;
}

function release(list: LiveList): void {
  if (list.heldCount > list.held.length || isFull(list.rows)) {
    scrollTo(0, 0); // otherwise the browser restores the position
    location.reload();
    return;
  }
  for (const row of list.held) list.rows.insertAdjacentHTML('afterbegin', row);
  list.held = [];
  list.heldCount = 0;
  list.button.hidden = true;
  htmx.process(list.rows);
  trim(list.rows);
}

/** Removes the oldest rows of a list that shows only the newest few. */
function trim(rows: HTMLElement): void {
  rows.querySelector('.empty')?.remove();
  const max = Number(rows.dataset.max ?? Number.POSITIVE_INFINITY);
  while (rows.children.length > max) rows.lastElementChild?.remove();
}
