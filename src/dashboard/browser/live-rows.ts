// Rows that come in live, on top of a list. A reader who has scrolled down, or has the keyboard's focus within the list,
// keeps their place: rows wait behind a button then.

import htmx from 'htmx.org';

interface LiveList {
  rows: HTMLElement;
  button: HTMLButtonElement;
  /** Rows as HTML of our own server, oldest first. */
  held: string[];
}

/** More are not kept in a page: it is read anew instead. */
const MAX_HELD = 500;

export function holdLiveRows(): void {
  for (const live of document.querySelectorAll<HTMLElement>('.live')) {
    const rows = live.querySelector<HTMLElement>('#rows');
    const button = live.querySelector<HTMLButtonElement>('button.held');
    if (rows !== null && button !== null) hold({ rows, button, held: [] });
  }
}

function hold(list: LiveList): void {
  list.rows.addEventListener('htmx:sseBeforeMessage', (event) => {
    const { data } = (event as CustomEvent<MessageEvent<string>>).detail;
    const id = /^<li id="(event-\d+)"/.exec(data)?.[1];
    const isKnown = id === undefined || document.getElementById(id) !== null;
    const isHeld = id !== undefined && list.held.some((row) => row.startsWith(`<li id="${id}"`));
    if (isKnown || isHeld) {
      event.preventDefault(); // a stream that was cut may repeat itself
    } else if (isReading(list.rows)) {
      event.preventDefault();
      list.held.push(data);
      offer(list);
    }
  });
  list.rows.addEventListener('htmx:afterSwap', () => trim(list.rows));
  list.button.addEventListener('click', () => {
    release(list);
    list.rows.closest('.live')?.scrollIntoView({ block: 'start' });
  });
  addEventListener('scroll', () => list.held.length > 0 && !isReading(list.rows) && release(list), {
    passive: true,
  });
}

/** Whether rows on top would move what somebody reads. */
function isReading(rows: HTMLElement): boolean {
  return rows.getBoundingClientRect().top < 0 || rows.contains(document.activeElement);
}

function offer({ button, held }: LiveList): void {
  const { one = '', many = '' } = button.dataset;
  const lang = document.documentElement.lang;
  button.textContent = held.length === 1 ? one : many.replace('{n}', held.length.toLocaleString(lang));
  button.hidden = false;
}

function release(list: LiveList): void {
  if (list.held.length > MAX_HELD) {
    location.reload();
    return;
  }
  for (const row of list.held) list.rows.insertAdjacentHTML('afterbegin', row);
  list.held = [];
  list.button.hidden = true;
  htmx.process(list.rows);
  trim(list.rows);
}

/** Of a list that shows the newest few. */
function trim(rows: HTMLElement): void {
  rows.querySelector('.empty')?.remove();
  const max = Number(rows.dataset.max ?? Number.POSITIVE_INFINITY);
  while (rows.children.length > max) rows.lastElementChild?.remove();
}
