// What pages do in a browser besides what htmx does. Every page works without it, but for what is live.

import 'htmx.org';
import 'htmx-ext-sse';
import { offerCopies } from './copy.ts';
import { runCountdowns } from './countdown.ts';
import { goOn } from './go-on.ts';
import { holdLiveRows } from './live-rows.ts';
import { scrollToNewest } from './messages.ts';
import { pauseWhileHidden } from './polling.ts';
import { showCurrentSection } from './sections.ts';
import { tellTimeZone } from './time-zone.ts';

tellTimeZone();
offerCopies(document);
runCountdowns();
holdLiveRows();
scrollToNewest();
showCurrentSection();
pauseWhileHidden();
goOn();
document.addEventListener('htmx:load', (event) => offerCopies(event.target as HTMLElement));
