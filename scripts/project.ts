// Where this project is.
import { fileURLToPath } from 'node:url';

/** The directory of wrangler.toml and package.json, with a slash at the end. */
export const PROJECT = fileURLToPath(new URL('..', import.meta.url));
