import type { Tag } from '../../operation.ts';

export const REFERENCE: Tag = { name: 'Reference', description: 'What this receiver says about itself.' };
