/** What may be asked of the audit, as query text. */

import { z } from '@hono/zod-openapi'
import { COUNT_KEYS, type CountKey } from '../audit/audit-index.ts'
import { parseAddress, parseCidr } from '../policy/cidr.ts'
import {
  agentName,
  isForward,
  NOT_FORWARD,
  operatorName,
  pageQuery,
  queryInstant,
  serviceId,
  tokenId,
} from './schemas.ts'

const word = (description: string) =>
  z
    .string()
    .regex(/^[^\p{C}]{1,128}$/u, { error: 'has 1 to 128 characters, none of them a control' })
    .openapi({ description })

const path = z
  .string()
  .min(1)
  .max(2048)
  .openapi({ description: 'The beginning of a path, `/v1/refunds`.' })

const status = z
  .string()
  .regex(/^(?:[1-5]xx|[1-5]\d{2})$/, { error: 'is a status as 404, or a class as 5xx' })
  .openapi({ description: "The upstream's: `404`, or a class as `5xx`." })

const source = z
  .string()
  .refine((text) => Boolean(parseAddress(text) ?? parseCidr(text)), {
    error: 'is an address, or a network as 10.0.0.0/8',
  })
  .openapi({ description: 'The address that it came from, or a network as `10.0.0.0/8`.' })

const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .openapi({ type: 'boolean' })

/** What the index counts by, and rows can be narrowed to as well. */
const shared = {
  agent: agentName.optional(),
  tokenId: tokenId.optional(),
  service: serviceId.optional(),
  scope: word('A full name, `stripe:refund`.').optional(),
  decision: z.enum(['allow', 'deny']).optional(),
  reason: word('Of a refusal, `scope_missing`.').optional(),
  since: queryInstant.optional(),
  until: queryInstant.optional(),
}

export const auditQuery = z
  .strictObject({
    ...shared,
    withDescendants: flag.optional().openapi({
      description: 'With `agent` or `tokenId`: also what tokens below theirs did.',
    }),
    operator: operatorName.optional(),
    sessionId: word('`ses_...`').optional(),
    requestId: word('`req_...`').optional(),
    status: status.optional(),
    path: path.optional(),
    source: source.optional(),
    action: word('`token.issue`; with a dot at its end (`token.`) all below it.').optional(),
    text: word('Occurs anywhere in the record, whatever its case.').optional(),
    order: z
      .enum(['oldest', 'newest'])
      .optional()
      .openapi({ description: '`oldest` when absent.' }),
    purpose: z.enum(['query', 'export', 'tail']).optional().openapi({
      description:
        'What the record of this reading says; `query` when absent. `tail` always gives a `nextCursor`, to ask again for what has come since.',
    }),
    ...pageQuery,
  })
  .refine(isForward, NOT_FORWARD)

export const countQuery = z
  .strictObject({
    ...shared,
    by: z
      .string()
      .transform((text) => text.split(','))
      .pipe(z.array(z.enum(COUNT_KEYS)).min(1).max(COUNT_KEYS.length))
      .refine((keys: readonly CountKey[]) => new Set(keys).size === keys.length, {
        error: 'names each key once',
      })
      .openapi({ type: 'string', description: `Some of ${COUNT_KEYS.join(', ')}, with commas.` }),
  })
  .refine(isForward, NOT_FORWARD)

export const indexState = z
  .strictObject({
    newestAt: z.int().optional().openapi({ description: 'Time of its newest record.' }),
    oldestAt: z.int().optional().openapi({ description: 'Time of its oldest record.' }),
    retiredBefore: z.int().optional().openapi({
      description: 'Of what is older, retention removed something, or everything.',
    }),
    missing: z
      .array(
        z.strictObject({
          ...{ writer: z.string(), first: z.int(), last: z.int() },
          ...{ after: z.int().optional(), before: z.int().optional() },
        }),
      )
      .readonly()
      .optional()
      .openapi({
        description:
          'Records, by their numbers, that the journal has no more, and no record says that retention removed them; the times of what is left around them.',
      }),
    behindBytes: z.int().openapi({ description: 'Of the journal, not in the index yet.' }),
    isRebuilding: z.boolean(),
    problem: z.string().optional(),
  })
  .openapi('AuditIndexState')
