/**
 * What OCSF asks of an event of class 6003 (API Activity, category Application Activity): required
 * attributes, types, enumerations, and objects of which at least one attribute must be there.
 */

import { z } from 'zod'

const text = z.string().min(1)
const count = z.int().nonnegative()

/** At least one of these attributes. */
function some<S extends z.ZodRawShape>(shape: S) {
  return z.strictObject(shape).refine((value) => Object.keys(value).length > 0, {
    error: 'needs at least one of its attributes',
  })
}

const user = z
  .strictObject({
    name: text.optional(),
    uid: text.optional(),
    type: text.optional(),
    // Unknown, User, Admin, System, Service, Other.
    type_id: z.union([0, 1, 2, 3, 4, 99].map((id) => z.literal(id))).optional(),
  })
  .refine(({ name, uid }) => name !== undefined || uid !== undefined, {
    error: 'user needs a name or a uid',
  })

const actor = some({
  user: user.optional(),
  session: some({ uid: text.optional(), issuer: text.optional() }).optional(),
})

const api = z.strictObject({
  operation: text,
  version: text.optional(),
  service: some({ name: text.optional(), uid: text.optional() }).optional(),
  request: z.strictObject({ uid: text }).optional(),
  response: z.strictObject({ code: z.int(), message: text.optional() }).optional(),
})

const metadata = z.strictObject({
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  product: z.strictObject({ name: text, vendor_name: text, version: text.optional() }),
  uid: text.optional(),
  correlation_uid: text.optional(),
  original_time: text.optional(),
})

const httpRequest = z.strictObject({
  http_method: text,
  url: some({ hostname: text.optional(), path: text.optional() }),
  user_agent: text.optional(),
  body_length: count.optional(),
})

const STATUSES = ['Unknown', 'Success', 'Failure'] as const
const SEVERITIES = [
  'Unknown',
  'Informational',
  'Low',
  'Medium',
  'High',
  'Critical',
  'Fatal',
] as const

export const apiActivity = z
  .strictObject({
    activity_id: z.union([0, 1, 2, 3, 4, 99].map((id) => z.literal(id))),
    actor,
    api,
    category_uid: z.literal(6),
    class_uid: z.literal(6003),
    type_uid: z.int(),
    metadata,
    severity: z.enum(SEVERITIES),
    severity_id: z.int().min(0).max(6),
    src_endpoint: some({
      ip: z.union([z.ipv4(), z.ipv6()]).optional(),
      name: text.optional(),
      hostname: text.optional(),
    }),
    time: count,
    duration: count.optional(),
    count: count.optional(),
    status: z.enum(STATUSES).optional(),
    status_id: z.int().min(0).max(2).optional(),
    status_code: text.optional(),
    status_detail: text.optional(),
    http_request: httpRequest.optional(),
    http_response: z.strictObject({ code: z.int(), body_length: count.optional() }).optional(),
    resources: z
      .array(
        some({
          name: text.optional(),
          uid: text.optional(),
          type: text.optional(),
          version: text.optional(),
        }),
      )
      .min(1)
      .optional(),
    unmapped: z.record(z.string(), z.unknown()).optional(),
  })
  .refine((event) => event.type_uid === event.class_uid * 100 + event.activity_id, {
    error: 'type_uid is class_uid * 100 + activity_id',
  })
  .refine((event) => SEVERITIES[event.severity_id] === event.severity, {
    error: 'severity is the name of severity_id',
  })
  .refine((event) => event.status_id === undefined || STATUSES[event.status_id] === event.status, {
    error: 'status is the name of status_id',
  })
