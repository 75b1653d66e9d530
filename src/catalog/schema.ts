/**
 * The service file, version 1, field by field. Strict: what it does not know is a mistake, and
 * what it knows but cannot evaluate yet is kept, shown, and refused when a request needs it.
 */

import { z } from 'zod'
import {
  flag,
  headerName,
  hostName,
  listOf,
  mapOf,
  oneOf,
  scopeName,
  SERVICE_ID,
  strict,
  text,
} from './schema-base.ts'
import {
  aliasesSchema,
  apisSchema,
  batchSchema,
  constraintsSchema,
  graphqlSchema,
  guardsSchema,
  operationRulesSchema,
  redactSchema,
  responseSecretsSchema,
  rulesSchema,
  scopesSchema,
  tripwiresSchema,
  usageSchema,
} from './schema-rules.ts'

const serviceId = text.regex(SERVICE_ID, {
  error: 'must be lower-case letters, digits and hyphens, 2 to 32 of them',
})

const hostSchema = strict({
  host: hostName,
  role: oneOf([
    'api',
    'upload',
    'download',
    'git',
    'oauth',
    'ingest',
    'websocket',
    'webhook',
    'redirect-target',
    'smtp',
    's3',
  ]),
  base_path: text.startsWith('/', { error: 'must begin with a slash' }).optional(),
  only: listOf(text).optional(),
  auth: oneOf(['none', 'passthrough']).optional(),
  path_prefixes: listOf(
    text.regex(/^\/.*\/$/, { error: 'must begin and end with a slash' }),
  ).optional(),
  note: text.optional(),
})

const note = { note: text.optional() }

const acceptSchema = z.discriminatedUnion(
  'in',
  [
    strict({
      in: z.literal('header'),
      name: headerName,
      scheme: oneOf(['bearer', 'basic', 'token', 'bot', 'raw']).optional(),
      field: oneOf(['username', 'password']).optional(),
      ...note,
    }),
    strict({ in: z.literal('query'), field: text, required: flag.optional(), ...note }),
    strict({ in: z.literal('path'), pattern: text, ...note }),
    strict({ in: z.literal('websocket_protocol'), prefix: text, ...note }),
    strict({ in: z.literal('sigv4'), ...note }),
  ],
  { error: 'must be a place: {in: header, name: ...}, query, path, websocket_protocol or sigv4' },
)

const limited = { hosts: listOf(hostName).optional(), ...note }

const injectSchema = z.discriminatedUnion(
  'in',
  [
    strict({
      in: z.literal('header'),
      name: headerName,
      format: text,
      optional: flag.optional(),
      ...limited,
    }),
    strict({ in: z.literal('query'), field: text, format: text, ...limited }),
    strict({ in: z.literal('path'), pattern: text, format: text, ...limited }),
    strict({ in: z.literal('sigv4'), ...limited }),
  ],
  { error: 'must be {in: header|query|path, ..., format: ...} or {in: sigv4}' },
)

const fieldSchema = strict({
  name: text.regex(/^[a-z][a-z0-9_]*$/, { error: 'must be lower-case letters, digits and _' }),
  secret: flag.optional(),
  optional: flag.optional(),
  pattern: text.optional(),
  note: text.optional(),
})

/** How a token is made from the stored fields, and where. */
const mintSchema = strict({
  token_url: text
    .regex(/^https:\/\/[^\s?#@]+$/, { error: 'must be an https URL without a query' })
    .optional(),
  client_auth: oneOf(['basic', 'post']).optional(),
  body: oneOf(['form', 'json']).optional(),
  scope: text.optional(),
  audience: text.optional(),
  /** For people: what the issuer does with it. */
  how: text.optional(),
})

const formSchema = strict({
  type: oneOf([
    'api_key',
    'basic',
    'pair',
    'oauth2_refresh',
    'oauth2_client_credentials',
    'google_service_account',
    'github_app',
    'aws_static',
    'aws_assume_role',
  ]),
  fields: listOf(fieldSchema).optional(),
  mint: mintSchema.optional(),
  note: text.optional(),
})

const credentialSchema = strict({
  same_as: serviceId.optional(),
  any_of: listOf(formSchema).min(1).optional(),
  split: mapOf(scopeName, listOf(scopeName).min(1)).optional(),
  ...formSchema.partial().shape,
}).refine(
  ({ same_as: sameAs, any_of: anyOf, type }) =>
    [sameAs, anyOf, type].filter((value) => value !== undefined).length === 1,
  { error: 'needs one of "type", "any_of" and "same_as"' },
)

const authSchema = strict({
  accept: listOf(acceptSchema).min(1, { error: 'must name at least one place' }),
  inject: listOf(injectSchema),
  strip: listOf(headerName).optional(),
  credential: credentialSchema,
  token_shape: text.regex(/^[^{}]*\{token\}$/, { error: 'must end in {token}' }).optional(),
})

const clientsSchema = strict({
  routing: listOf(oneOf(['prefix', 'host', 'port', 'connect'])).optional(),
  env: listOf(
    strict({
      name: text,
      value: text,
      readers: text.optional(),
      optional: flag.optional(),
      note: text.optional(),
    }),
  ).optional(),
  sdk: mapOf(text, text).optional(),
})

/** Every key of a file; `extends` leaves out what the other service says already. */
const shape = {
  schema: z.literal(1, { error: 'must be 1, the version of this format' }),
  id: serviceId,
  extends: serviceId.optional(),
  name: text,
  category: oneOf([
    'ai',
    'payments',
    'finance',
    'source-control',
    'cloud',
    'messaging',
    'email',
    'mail',
    'calendar',
    'files',
    'documents',
    'knowledge',
    'project',
    'other',
  ]),
  docs: z.url({ error: 'must be a URL' }).optional(),
  spec: strict({
    operations: z.int().nonnegative(),
    licence: text,
    source: text,
  }).optional(),
  hosts: listOf(hostSchema).min(1, { error: 'must name at least one host' }),
  auth: authSchema,
  clients: clientsSchema.optional(),
  refusal: oneOf(['problem', 'slack', 'google', 'aws', 'graphql']).optional(),
  allow_encoded_slash: flag.optional(),
  path_suffixes: listOf(text.regex(/^\.[a-z0-9]+$/, { error: 'must be as .json' })).optional(),
  aliases: aliasesSchema.optional(),
  scopes: scopesSchema,
  rules: rulesSchema.optional(),
  apis: apisSchema.optional(),
  operation_rules: operationRulesSchema.optional(),
  graphql: graphqlSchema.optional(),
  batch: batchSchema.optional(),
  tripwires: tripwiresSchema.optional(),
  guards: guardsSchema.optional(),
  constraints: constraintsSchema.optional(),
  response_secrets: responseSecretsSchema.optional(),
  redact: redactSchema.optional(),
  usage: usageSchema.optional(),
} as const

export const serviceSchema = strict(shape)

/** A file that says `extends`: only what differs, and never another schema version. */
export const extensionSchema = strict({
  ...serviceSchema.partial().shape,
  schema: shape.schema,
  id: shape.id,
  extends: serviceId,
})

export type ServiceDefinition = z.output<typeof serviceSchema>
export type CredentialDefinition = z.output<typeof credentialSchema>
export type RuleDefinition = NonNullable<ServiceDefinition['rules']>[number]
export type UsageDefinition = NonNullable<ServiceDefinition['usage']>[number]
export type FormDefinition = NonNullable<CredentialDefinition['any_of']>[number]
export type FieldDefinition = NonNullable<FormDefinition['fields']>[number]
