// The box of a conversation, in which the newest message is at the end. Older messages are fetched on top, new ones at the
// end.

/** A reader who is so near to the end follows new messages. */
const NEAR_END_PX = 40;

/** Scrolls to the newest message, and keeps the reader's place when others are added above or below. */
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
  // The events of htmx after a swap cannot be used: they are sent to the replaced element, which is in no document any more.
  const observer = new MutationObserver(() => {
    const isOnTop = list.firstElementChild !== null && !known.has(list.firstElementChild);
    merge(list, known, isOnTop);
    known = new Set(list.children);
    observer.takeRecords();
    if (isOnTop) box.scrollTop = box.scrollHeight - fromEnd;
    else if (fromEnd - box.clientHeight < NEAR_END_PX) box.scrollTop = box.scrollHeight;
  });
  observer.observe(list, { childList: true });
}

/** Removes what is there twice after messages were added. Of a message that is on two pages the newer bubble knows more. */
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
