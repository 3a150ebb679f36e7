import { auditListing, auditPage } from '../../api/audit/routes.ts';
import type { Paths } from '../../operation.ts';

export const auditPaths = (): Paths => ({
  '/api/audit': {
    get: {
      operationId: 'listAudit',
      tag: 'Audit',
      summary: 'List changes, newest first',
      access: 'reader',
      query: auditListing,
      answers: { 200: { description: 'A page of changes.', schema: auditPage } },
    },
  },
});
