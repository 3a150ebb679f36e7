// Keeps the time that is left up to date in <span data-closes-at="2026-…Z" data-closed="…">2 h 5 min</span>.

const REFRESH_MS = 1_000;

export function runCountdowns(): void {
  const count = () => {
    for (const element of document.querySelectorAll<HTMLElement>('[data-closes-at]')) show(element);
  };
  count();
  setInterval(count, REFRESH_MS);
}

function show(element: HTMLElement): void {
  const leftMs = Date.parse(element.dataset.closesAt ?? '') - Date.now();
  const text = leftMs <= 0 ? (element.dataset.closed ?? '') : written(leftMs);
  if (leftMs <= 0) element.closest('.window')?.classList.replace('open', 'closed');
  if (element.textContent !== text) element.textContent = text;
}

function written(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const time = { hours: Math.floor(seconds / 3_600), minutes: Math.floor((seconds % 3_600) / 60) };
  const format = new Intl.DurationFormat(document.documentElement.lang, { style: 'narrow' });
  return time.hours > 0
    ? format.format(time)
    : format.format({ minutes: time.minutes, seconds: seconds % 60 });
}
