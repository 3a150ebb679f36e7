/**
 * Sends the form that goes on with a change of many things. The server writes such a form only in answer to the one
 * before it, never into a page that a link leads to.
 */
export function goOn(): void {
  document.querySelector<HTMLFormElement>('form[data-go-on]')?.requestSubmit();
}
