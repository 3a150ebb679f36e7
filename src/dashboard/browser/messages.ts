// A conversation has its newest message at the end, where one begins to read, and older ones are fetched on top.

/** Begins at the newest message, and keeps the reader's place when older ones come in above it. */
export function scrollToNewest(): void {
  const messages = document.querySelector<HTMLElement>('.bubbles');
  if (messages === null) return;
  messages.scrollTop = messages.scrollHeight;
  let below = 0;
  messages.addEventListener('htmx:beforeSwap', () => {
    below = messages.scrollHeight - messages.scrollTop;
  });
  messages.addEventListener('htmx:afterSwap', () => {
    dropRepeated(messages);
    messages.scrollTop = messages.scrollHeight - below;
  });
}

/** A message whose steps are on two pages is on both: the newer one knows more. */
function dropRepeated(messages: HTMLElement): void {
  const seen = new Set<string>();
  for (const bubble of [...messages.querySelectorAll<HTMLElement>('[data-message]')].reverse()) {
    const id = bubble.dataset.message ?? '';
    if (seen.has(id)) bubble.remove();
    seen.add(id);
  }
}
