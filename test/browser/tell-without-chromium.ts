// Says once that the tests of this folder are skipped because there is no browser. Where CI is set they fail instead.
import { findChromium } from '../../tools/browser/chromium.ts';

export default function tellWithoutChromium(): void {
  if (findChromium() === null && !process.env.CI) {
    console.warn(
      '\nThere is no Chromium here: the tests in a browser are skipped. Install it, or name it in CHROMIUM_PATH.\n',
    );
  }
}
