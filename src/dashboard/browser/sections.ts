/** Scrolls the menu to the current section, since on a phone it is wider than the screen. */
export function showCurrentSection(): void {
  const strip = document.querySelector<HTMLElement>('nav.sections');
  const current = strip?.querySelector<HTMLElement>('[aria-current]');
  if (!strip || !current) return;
  strip.scrollLeft = current.offsetLeft + current.offsetWidth / 2 - strip.clientWidth / 2;
}
