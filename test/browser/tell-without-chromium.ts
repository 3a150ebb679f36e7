// Says that there is no browser to run the tests of this folder in. Where CI is set they fail, elsewhere they are skipped.
import { findChromium } from '../../scripts/browser/chromium.ts';

export default function tellWithoutChromium(): void {
  if (findChromium() === null) {
    console.warn(
      '\nThere is no Chromium here: the tests in a browser are skipped. Install it, or name it in CHROMIUM_PATH.\n',
    );
  }
}
