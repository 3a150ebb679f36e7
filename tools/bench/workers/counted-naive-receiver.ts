import { countedWorker } from './counted.ts';
import naiveReceiver, { type NaiveEnv } from './naive-receiver.ts';

export default countedWorker<NaiveEnv>(naiveReceiver);
