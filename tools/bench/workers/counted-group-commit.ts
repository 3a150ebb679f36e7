import { countedWorker } from './counted.ts';
import groupCommitAlone, { type GroupCommitEnv } from './group-commit.ts';

export default countedWorker<GroupCommitEnv>(groupCommitAlone);
