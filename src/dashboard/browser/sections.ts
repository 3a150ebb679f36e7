/** On a phone the sections are a strip that is wider than the screen: shows the one that the page is of. */
export function showCurrentSection(): void {
  const strip = document.querySelector<HTMLElement>('nav.sections');
  const current = strip?.querySelector<HTMLElement>('[aria-current]');
  if (!strip || !current) return;
  strip.scrollLeft = current.offsetLeft + current.offsetWidth / 2 - strip.clientWidth / 2;
}
