// The server writes times in the time zone that a cookie names.

const MAX_AGE_SECONDS = 365 * 86_400;

/** Tells the server the browser's time zone, and reloads a page that was written in another. */
export function tellTimeZone(): void {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  if (document.documentElement.dataset.timeZone === timeZone) return;
  const attributes = `path=/; max-age=${MAX_AGE_SECONDS}; samesite=lax`;
  // biome-ignore lint/suspicious/noDocumentCookie: not every browser has the Cookie Store API
  document.cookie = `time-zone=${timeZone}; ${attributes}`;
  const isKept = document.cookie.split('; ').includes(`time-zone=${timeZone}`);
  // It reloads only once, since the server may not know the zone, and only where there are times, to spare forms.
  const isFirst = sessionStorage.getItem('time-zone') !== timeZone;
  sessionStorage.setItem('time-zone', timeZone);
  if (isKept && isFirst && document.querySelector('main time, main svg') !== null) location.reload();
}
