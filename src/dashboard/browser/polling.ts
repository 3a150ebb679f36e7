/** Keeps parts of a page that are asked for again and again from being asked for while nobody sees them. */
export function pauseWhileHidden(): void {
  document.addEventListener('htmx:beforeRequest', (event) => {
    const { target } = event;
    const isPolled = target instanceof HTMLElement && target.getAttribute('hx-trigger')?.startsWith('every');
    if (isPolled && document.hidden) event.preventDefault();
  });
}
