/**
 * Sends the form that goes on with a change of many things. The server writes it only into the answer to a form that was
 * sent, never into a page that a link leads to.
 */
export function goOn(): void {
  document.querySelector<HTMLFormElement>('form[data-go-on]')?.requestSubmit();
}
