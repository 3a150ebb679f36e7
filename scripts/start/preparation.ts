// What prepare.ts leaves for `npm start`.

/** What wrangler reads instead of wrangler.toml, in the same directory since its paths are relative to that; not in git. */
export const START_CONFIG = 'wrangler.start.toml';

/** The exit status of prepare.ts where all is prepared but for the second route; its output says why. */
export const ONE_ROUTE_STATUS = 3;
