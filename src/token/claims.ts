/** The claims of a phantom JWT, and the grant that they spell out. RFC 9068 names where it has one. */

import { z } from 'zod'
import { err, ok } from '../base/result.ts'
import type { Result } from '../base/result.ts'

/** What a token carries: policy's Grant, by structure. Layers keep token/ from importing it. */
export interface TokenGrant {
  readonly id: string
  readonly agent: string
  readonly agentGeneration: number
  readonly sessionId?: string
  readonly scopes: ReadonlySet<string>
  readonly services: readonly string[]
  readonly chain: readonly string[]
  readonly issuedBy: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly bindings: {
    readonly cidr?: readonly string[]
    readonly dpop?: string
    readonly firstUse?: boolean
  }
  readonly limits: { readonly maxRequests?: number; readonly ratePerSecond?: number }
}

export interface JwtOrigin {
  /** The `iss` claim. */
  readonly issuer: string
  /** Names the audience, so that a key shared by mistake still does not join environments. */
  readonly environment: string
}

const seconds = z.int().nonnegative()
const CLAIMS = z.strictObject({
  iss: z.string(),
  aud: z.string(),
  sub: z.string().min(1),
  client_id: z.string(),
  jti: z.string().min(1),
  iat: seconds,
  exp: seconds,
  scope: z.string().regex(/^[!-~]+(?: [!-~]+)*$/),
  sid: z.string().exactOptional(),
  cnf: z.strictObject({ jkt: z.string() }).exactOptional(),
  generation: z.int().nonnegative(),
  chain: z.array(z.string()),
  issuedBy: z.string(),
  cidr: z.array(z.string()).min(1).exactOptional(),
  firstUse: z.literal(true).exactOptional(),
  limits: z.strictObject({
    maxRequests: z.int().positive().exactOptional(),
    ratePerSecond: z.number().positive().exactOptional(),
  }),
})

type Claims = z.infer<typeof CLAIMS>

type ClaimsProblem =
  | { readonly reason: 'token_malformed' }
  | { readonly reason: 'token_unknown' }
  | { readonly reason: 'token_wrong_environment' }

export function formatClaims(grant: TokenGrant, origin: JwtOrigin): Claims {
  const { bindings, limits, sessionId } = grant
  return {
    iss: origin.issuer,
    aud: audienceOf(origin),
    sub: grant.agent,
    client_id: grant.agent,
    jti: grant.id,
    iat: Math.floor(grant.issuedAt / 1000),
    exp: Math.floor(grant.expiresAt / 1000),
    scope: [...grant.scopes].join(' '),
    ...(sessionId === undefined ? {} : { sid: sessionId }),
    ...(bindings.dpop === undefined ? {} : { cnf: { jkt: bindings.dpop } }),
    generation: grant.agentGeneration,
    chain: [...grant.chain],
    issuedBy: grant.issuedBy,
    ...(bindings.cidr === undefined ? {} : { cidr: [...bindings.cidr] }),
    ...(bindings.firstUse ? { firstUse: true } : {}),
    limits,
  }
}

/** Reads verified claims text; anything but the very text that we write is malformed. */
export function parseClaims(text: string, origin: JwtOrigin): Result<TokenGrant, ClaimsProblem> {
  const claims = readClaims(text)
  if (!claims) return err({ reason: 'token_malformed' })
  if (claims.iss !== origin.issuer) return err({ reason: 'token_unknown' })
  if (claims.aud !== audienceOf(origin)) return err({ reason: 'token_wrong_environment' })
  const grant = grantOf(claims)
  // Duplicate members, other spacing and odd numbers do not survive being written again.
  const isCanonical = JSON.stringify(formatClaims(grant, origin)) === text
  return isCanonical ? ok(grant) : err({ reason: 'token_malformed' })
}

function readClaims(text: string): Claims | undefined {
  try {
    return CLAIMS.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function grantOf(claims: Claims): TokenGrant {
  const scopes = claims.scope.split(' ')
  const services = new Set(scopes.map((scope) => scope.slice(0, scope.indexOf(':'))))
  return {
    id: claims.jti,
    agent: claims.sub,
    agentGeneration: claims.generation,
    ...(claims.sid === undefined ? {} : { sessionId: claims.sid }),
    scopes: new Set(scopes),
    services: [...services].sort(),
    chain: claims.chain,
    issuedBy: claims.issuedBy,
    issuedAt: claims.iat * 1000,
    expiresAt: claims.exp * 1000,
    bindings: {
      ...(claims.cidr === undefined ? {} : { cidr: claims.cidr }),
      ...(claims.cnf === undefined ? {} : { dpop: claims.cnf.jkt }),
      ...(claims.firstUse ? { firstUse: true } : {}),
    },
    limits: claims.limits,
  }
}

function audienceOf({ environment }: JwtOrigin): string {
  return `apistronghold/${environment}`
}
