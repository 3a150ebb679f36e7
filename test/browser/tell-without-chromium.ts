// Says once that there is no browser to run the tests of this folder in, where they are skipped for that. Where CI is set
// they are not: they fail.
import { findChromium } from '../../tools/browser/chromium.ts';

export default function tellWithoutChromium(): void {
  if (findChromium() === null && !process.env.CI) {
    console.warn(
      '\nThere is no Chromium here: the tests in a browser are skipped. Install it, or name it in CHROMIUM_PATH.\n',
    );
  }
}
