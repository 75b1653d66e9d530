/**
 * The envelope and its payload as bytes. Strict: unknown members, odd base64 and anything above
 * the size limits are no envelope. Knows nothing of keys.
 */

import { z } from 'zod'
import { Failure } from '../base/errors.ts'
import { isFieldName, isSealerName, isSecretName } from './names.ts'
import { Secret } from './secret.ts'
import { isHttpsOrigin, isWildOrigin, signs } from './origins.ts'

/** What a sealed secret says about itself, and its fields. */
export interface SealedPayload {
  readonly env: string
  readonly name: string
  /** 1 for the first, one more for each that replaces it. */
  readonly version: number
  readonly fields: ReadonlyMap<string, Secret>
  /** Https origins that may receive it (origins.ts); never empty. */
  readonly origins: readonly string[]
  readonly sealedAt: number
}

export interface Envelope {
  readonly sealer: string
  readonly ciphertext: Buffer
  readonly signature: Buffer
}

/** Above this an envelope is not parsed at all; a payload has 64 KiB of value at most. */
export const MAX_ENVELOPE_BYTES = 256 * 1024
const ENVIRONMENT = /^[a-z][a-z0-9-]{0,31}$/

const base64 = z.string().refine((text) => Buffer.from(text, 'base64').toString('base64') === text)

const envelopeSchema = z.strictObject({
  v: z.literal(1),
  sealer: z.string().refine(isSealerName),
  ciphertext: base64,
  signature: base64,
})

const payloadShape = z.strictObject({
  v: z.literal(1),
  env: z.string().regex(ENVIRONMENT),
  name: z.string().refine(isSecretName),
  version: z.int().positive(),
  fields: z
    .record(z.string().refine(isFieldName), z.string().min(1))
    .refine((fields) => Object.keys(fields).length > 0),
  origins: z
    .array(z.string().refine((text) => isHttpsOrigin(text) || isWildOrigin(text)))
    .min(1)
    .max(64),
  sealedAt: z.int().nonnegative(),
})

/** What would leave as it is goes to exact origins only. */
const payloadSchema = payloadShape.refine(
  ({ fields, origins }) => signs(new Set(Object.keys(fields))) || !origins.some(isWildOrigin),
  { path: ['origins'] },
)

export function encodeEnvelope({ sealer, ciphertext, signature }: Envelope): string {
  return encode(envelopeSchema, {
    v: 1,
    sealer,
    ciphertext: ciphertext.toString('base64'),
    signature: signature.toString('base64'),
  })
}

export function decodeEnvelope(text: string): Envelope | undefined {
  if (text.length > MAX_ENVELOPE_BYTES) return undefined
  const parsed = decode(envelopeSchema, text)
  return (
    parsed && {
      sealer: parsed.sealer,
      ciphertext: Buffer.from(parsed.ciphertext, 'base64'),
      signature: Buffer.from(parsed.signature, 'base64'),
    }
  )
}

export function encodePayload({ fields, ...rest }: SealedPayload): string {
  const revealed = [...fields].map(([name, value]) => [name, value.reveal()] as const)
  return encode(payloadSchema, { v: 1, ...rest, fields: Object.fromEntries(revealed) })
}

export function decodePayload(bytes: Uint8Array): SealedPayload | undefined {
  const parsed = decode(payloadSchema, new TextDecoder().decode(bytes))
  if (parsed === undefined) return undefined
  const { env, name, version, origins, sealedAt } = parsed
  const fields = Object.entries(parsed.fields).map(
    ([field, value]) => [field, new Secret(value)] as const,
  )
  return { env, name, version, fields: new Map(fields), origins, sealedAt }
}

function encode(schema: z.ZodType, value: unknown): string {
  const parsed = schema.safeParse(value)
  // zod's issues may quote values, so only the places become part of the message.
  if (!parsed.success)
    throw new Failure('secret_invalid', `cannot be sealed: check ${placesOf(parsed.error)}`)
  return JSON.stringify(parsed.data)
}

function placesOf(error: z.ZodError): string {
  return [...new Set(error.issues.map((issue) => String(issue.path[0] ?? 'the payload')))].join(
    ', ',
  )
}

function decode<T>(schema: z.ZodType<T>, text: string): T | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  return schema.safeParse(json).data
}
