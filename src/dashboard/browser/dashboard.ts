// The script of all pages, besides htmx. Without it every page works, but nothing goes on live.

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
