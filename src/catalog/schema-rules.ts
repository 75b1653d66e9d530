/** The schema of what decides: scopes, rules, tripwires, guards, and what waits for later. */

import { z } from 'zod'
import {
  flag,
  headerName,
  hostName,
  listOf,
  mapOf,
  oneOf,
  scopeName,
  strict,
  text,
} from './schema-base.ts'

export const scopesSchema = mapOf(
  scopeName,
  strict({
    risk: oneOf(['read', 'write', 'money', 'destructive', 'admin', 'secrets']),
    title: text,
    effects: listOf(oneOf(['spend', 'external_send', 'publish'])).optional(),
  }),
)

const value = {
  equals: z
    .union([z.string(), z.number(), z.boolean()], { error: 'must be a text, number or boolean' })
    .optional(),
  matches: text.optional(),
  other_than: listOf(text).min(1).optional(),
}
const fieldTest = <const S extends string>(source: S) =>
  strict({ in: z.literal(source), field: text, ...value })

/** One look at a request: whether something is there, equals a value, or matches a pattern. */
const testSchema = z
  .discriminatedUnion(
    'in',
    [
      strict({ in: z.literal('header'), name: headerName, ...value }),
      strict({ in: z.literal('path'), matches: text }),
      fieldTest('query'),
      fieldTest('form'),
      fieldTest('json'),
      fieldTest('body'),
      fieldTest('multipart'),
    ],
    { error: 'must look {in: header|query|path|form|json|body|multipart}' },
  )
  .refine(
    (test) =>
      ['equals', 'matches', 'other_than'].filter((key) => Reflect.get(test, key) !== undefined)
        .length < 2,
    { error: 'takes one of "equals", "matches" and "other_than"' },
  )

const conditionSchema = strict({
  any: listOf(testSchema).min(1).optional(),
  all: listOf(testSchema).min(1).optional(),
}).refine(({ any, all }) => (any === undefined) !== (all === undefined), {
  error: 'needs "any" or "all", a list of conditions',
})

export const rulesSchema = listOf(
  strict({
    scope: text,
    match: listOf(text).min(1, { error: 'must have at least one line' }),
    where: conditionSchema.optional(),
    hosts: listOf(hostName).min(1).optional(),
    effects: listOf(oneOf(['spend', 'external_send', 'publish'])).optional(),
    tripwires: oneOf(['off']).optional(),
    ranges: flag.optional(),
    websocket: flag.optional(),
  }),
)

export const aliasesSchema = listOf(
  strict({
    from: text.startsWith('/', { error: 'must begin with a slash' }),
    to: text.startsWith('/', { error: 'must begin with a slash' }),
    except: listOf(text.startsWith('/', { error: 'must begin with a slash' })).optional(),
    when_segment: text.optional(),
  }),
)

export const tripwiresSchema = listOf(strict({ words: text, methods: text, scope: scopeName }))

export const guardsSchema = listOf(
  strict({
    when: testSchema,
    match: listOf(text).min(1).optional(),
    except: listOf(text).min(1).optional(),
    action: oneOf(['deny', 'strip']).optional(),
    require: scopeName.optional(),
    unless: text
      .regex(/^(pinned|token_allows\([a-z_]+\))$/, {
        error: 'must be pinned or token_allows(name)',
      })
      .optional(),
    why: text.optional(),
  }).refine(({ action, require }) => (action === undefined) !== (require === undefined), {
    error: 'needs "action" (deny or strip) or "require" (a scope)',
  }),
)

/** Kept and shown, refused at match time: documents are not read yet. */
export const graphqlSchema = listOf(
  strict({
    path: text.startsWith('/', { error: 'must begin with a slash' }),
    default: strict({
      query: scopeName,
      mutation: scopeName,
      subscription: scopeName,
    }),
    introspection: scopeName.optional(),
    persisted_queries: oneOf(['deny']).optional(),
    max_body: z.int().positive().optional(),
    query_scopes: mapOf(scopeName, listOf(text)).optional(),
    mutation_scopes: mapOf(scopeName, listOf(text)).optional(),
  }),
)

export const batchSchema = listOf(
  strict({
    match: text,
    kind: oneOf(['multipart_http', 'json_batch']),
    policy: oneOf(['split']),
    max_parts: z.int().positive(),
  }),
)

export const operationRulesSchema = listOf(
  strict({
    scope: scopeName,
    ops: listOf(text).min(1),
    /** Parameters of query or form that ask for this scope in addition. */
    with: listOf(text).min(1).optional(),
    ranges: flag.optional(),
  }),
)

/** APIs of a service whose requests are signed, each with its host and its ways to name operations. */
export const apisSchema = mapOf(
  text,
  strict({
    host: text.regex(/^(?:[a-z0-9-]+|\{region\})(?:\.(?:[a-z0-9-]+|\{region\}))+$/, {
      error: 'must be a host name, with {region} where the region stands',
    }),
    signing_name: text.optional(),
    region: text.optional(),
    target: text.optional(),
    actions: flag.optional(),
    /** Names that target or Action may say, parted by spaces. */
    operations: text.optional(),
    rest: listOf(text).optional(),
    parameters: listOf(text).optional(),
  }),
)

const anything = z.record(z.string(), z.unknown())

/** Kept for later: what a token can be narrowed to beside its scopes. */
export const constraintsSchema = mapOf(
  text,
  strict({
    from: listOf(anything).min(1),
    compare: oneOf(['number']).optional(),
    fold_case: flag.optional(),
    values: listOf(text).optional(),
    pinned_to: text.optional(),
    required_for: listOf(scopeName).optional(),
  }),
)

export const responseSecretsSchema = listOf(
  strict({
    match: text.optional(),
    ops: listOf(text).min(1).optional(),
    fields: listOf(text).min(1),
  }).refine(({ match, ops }) => (match === undefined) !== (ops === undefined), {
    error: 'needs "match" (a line) or "ops" (keys of operations)',
  }),
)

export const redactSchema = strict({
  body: listOf(text).optional(),
  query: listOf(text).optional(),
  path: listOf(text).optional(),
  response: listOf(text).optional(),
  pii: listOf(text).optional(),
})

/** `usage.prompt_tokens`, or a sum of such places. */
const place = text.regex(/^[\w-]+(?:\.[\w-]+)*$/, {
  error: 'must be keys joined by dots, as usage.prompt_tokens',
})
const sum = text.regex(/^[\w-]+(?:\.[\w-]+)*(?: \+ [\w-]+(?:\.[\w-]+)*)*$/, {
  error: 'must be keys joined by dots, as usage.prompt_tokens, or a sum of those: "a.b + a.c"',
})
const oneOrMore = (form: z.ZodString) => z.union([form, listOf(form).min(1)]).optional()

/** Where the answers to some operations tell what they cost; the first place that is there counts. */
export const usageSchema = listOf(
  strict({
    match: listOf(text).min(1),
    hosts: listOf(hostName).optional(),
    model: oneOrMore(place),
    input_tokens: oneOrMore(sum),
    output_tokens: oneOrMore(sum),
    cached_tokens: oneOrMore(sum),
    amount: oneOrMore(sum),
    currency: oneOrMore(place),
    note: text.optional(),
  }),
)
