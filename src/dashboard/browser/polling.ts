/** Stops the parts of a page that are polled while nobody sees the page. */
export function pauseWhileHidden(): void {
  document.addEventListener('htmx:beforeRequest', (event) => {
    const { target } = event;
    const isPolled = target instanceof HTMLElement && target.getAttribute('hx-trigger')?.startsWith('every');
    if (isPolled && document.hidden) event.preventDefault();
  });
}
