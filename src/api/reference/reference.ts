// The tag of the operations by which the receiver tells about itself.

import { operationsOf } from '../../http/operation.ts';

export const referenceOperation = operationsOf({
  name: 'Reference',
  description: 'What this receiver says about itself.',
});
