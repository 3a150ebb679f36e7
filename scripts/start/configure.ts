// Writes the configuration of `npm start` anew, while that runs.
import { writeStartConfig } from './second-route.ts';

const reason = await writeStartConfig();
if (reason !== null) console.log(reason);
