// A conversation has its newest message at the end, where one begins to read. Older ones are fetched on top of it, and
// new ones at its end.

/** Who is so near to the end, px, reads what comes in there. */
const NEAR_END = 40;

/** Begins at the newest message, and keeps the reader's place when others come in above or below it. */
export function scrollToNewest(): void {
  const box = document.querySelector<HTMLElement>('.bubbles');
  const list = box?.querySelector<HTMLElement>('#bubbles');
  if (!box || !list) return;
  box.scrollTop = box.scrollHeight;
  let fromEnd = box.clientHeight;
  let known = new Set(list.children);
  document.addEventListener('htmx:beforeSwap', ({ target }) => {
    if (box.contains(target as Node)) fromEnd = box.scrollHeight - box.scrollTop;
  });
  // Not an event of htmx: those of a swap are sent to what it replaced, which is in no document any more.
  const observer = new MutationObserver(() => {
    const isOnTop = list.firstElementChild !== null && !known.has(list.firstElementChild);
    merge(list, known, isOnTop);
    known = new Set(list.children);
    observer.takeRecords();
    if (isOnTop) box.scrollTop = box.scrollHeight - fromEnd;
    else if (fromEnd - box.clientHeight < NEAR_END) box.scrollTop = box.scrollHeight;
  });
  observer.observe(list, { childList: true });
}

/** What came in can hold what is there: of a message that is on two pages the newer one knows more. */
function merge(list: HTMLElement, known: ReadonlySet<Element>, isOnTop: boolean): void {
  const shown = new Map<string | undefined, HTMLElement>();
  const incoming: HTMLElement[] = [];
  for (const bubble of list.querySelectorAll<HTMLElement>(':scope > [data-message]')) {
    if (known.has(bubble)) shown.set(bubble.dataset.message, bubble);
    else incoming.push(bubble);
  }
  for (const bubble of incoming) {
    const same = shown.get(bubble.dataset.message);
    if (same === undefined) continue;
    if (isOnTop || same.innerHTML === bubble.innerHTML) bubble.remove();
    else same.replaceWith(bubble);
  }
  const days = new Set<string | undefined>();
  for (const day of list.querySelectorAll<HTMLElement>(':scope > [data-day]')) {
    if (days.has(day.dataset.day)) day.remove();
    days.add(day.dataset.day);
  }
  if (list.querySelector('[data-message]') !== null) list.querySelector(':scope > .empty')?.remove();
}
