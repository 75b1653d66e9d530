/** Services whose rules reports can read: definitions as their files have them. */

import type { Catalog } from '../../src/catalog/catalog.ts'
import { aCatalog, aService } from './services.ts'

/** Stripe with charges, refunds and payouts; OpenAI with an administration that has its own key. */
export function aRuledCatalog(): Catalog {
  return aCatalog([
    aService(
      'stripe',
      { read: 'read', write: 'write', refund: 'money', payout: 'money' },
      {
        definition: {
          rules: [
            { scope: 'read', match: ['GET /v1/**'] },
            { scope: 'write', match: ['POST /v1/(charges|customers)', 'WRITE /v1/prices/*'] },
            { scope: 'refund', match: ['POST /v1/refunds/**'] },
            { scope: 'refund', match: ['POST /v1/customers'], where: { any: [] } },
            { scope: 'payout', match: ['POST /v1/payouts'] },
          ],
        },
      },
    ),
    aService(
      'openai',
      { chat: 'write', admin: 'admin' },
      {
        credentialSplits: new Map([['admin', 'openai-admin']]),
        definition: { rules: [{ scope: 'chat', match: ['POST /v1/chat/completions'] }] },
      },
    ),
    aService('open', { read: 'read' }, { credentialForms: [] }),
  ])
}
