import receiver from '../../../src/index.ts';
import { countedWorker } from './counted.ts';

export default countedWorker(receiver);
