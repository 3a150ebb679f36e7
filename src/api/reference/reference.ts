import { operationsOf } from '../../operation.ts';

export const referenceOperation = operationsOf({
  name: 'Reference',
  description: 'What this receiver says about itself.',
});
