/** The questions that the road and the commands ask of the catalogue. compile.ts builds one. */

import type { Result } from '../base/result.ts'
import type { SecretField } from './answer-secrets.ts'
import type { Scope, Service, UsageRule } from './service.ts'

/** A request target that passed the path rules of DESIGN 5: forwarded unchanged, matched decoded. */
export interface Target {
  /** Raw path as received after the door's prefix was cut; begins with a slash. */
  readonly path: string
  /** Raw query without the question mark; undefined when there was none. */
  readonly query: string | undefined
  /** Path segments, percent-decoded once. */
  readonly segments: readonly string[]
}

export type TargetProblem = { readonly problem: string }

/** The operation that a request names, before its query, headers and body were judged. */
export interface Operation {
  readonly service: Service
  readonly host: string
  readonly method: string
  readonly target: Target
  /** The deciding rule, as `POST /v1/refunds/**`. */
  readonly rule: string
  /** Full names; more than one where an alias or suffix gave a second reading. Never empty. */
  readonly baseScopes: readonly string[]
  /** Some condition or guard on this operation reads the body. */
  readonly readsBody: boolean
  /**
   * A body that says it is a form must be read even where `readsBody` is false: a `_method` field
   * in it can replace the method that was judged (SC-09). Bodies of other types still stream.
   */
  readonly readsForm?: boolean
  /** The rule lets Range pass to the upstream. */
  readonly allowsRanges: boolean
  readonly allowsUpgrade: boolean
  /** What a request to it is signed for; undefined where nothing is signed. */
  readonly signing?: SigningPlace | undefined
  /** Where its answer tells what it cost; undefined for most. */
  readonly usage?: UsageRule | undefined
  /** Where its answer carries secrets, masked for tokens without the service's `secrets` scope. */
  readonly secretFields?: readonly SecretField[] | undefined
}

/** A service of AWS by its signing name, and a region. */
export interface SigningPlace {
  readonly service: string
  readonly region: string
}

/** A request with a signature, and all that may name its operation (catalog/apis.ts). */
export interface SignedOperationRequest {
  readonly method: string
  readonly target: Target
  /** As its client signed it. */
  readonly signing: SigningPlace
  /** Values of the X-Amz-Target fields. */
  readonly targets: readonly string[]
  /** Values of the Action fields of query and form. */
  readonly actions: readonly string[]
  /** Names of all fields of query and form. */
  readonly parameters: readonly string[]
  /** The upstream host that the request names, if it does. */
  readonly namedHost: string | undefined
}

export type MatchProblem =
  | { readonly reason: 'operation_unknown' }
  | { readonly reason: 'method_not_allowed' }
  /** GraphQL, batches: known, and refused until they are built. */
  | { readonly reason: 'operation_unsupported'; readonly why: string }
  | { readonly reason: 'operation_denied'; readonly rule: string }

/** What a condition may look at. Header names are lower case; values as received. */
export interface Facts {
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly contentType: string | undefined
  /** `none`: no body. `unread`: none was needed. A reason string: present but unreadable. */
  readonly body:
    | { readonly kind: 'none' }
    | { readonly kind: 'bytes'; readonly bytes: Buffer }
    | { readonly kind: 'unreadable'; readonly problem: string }
}

export type GuardOutcome =
  | { readonly reason: 'guard_denied'; readonly guard: string; readonly why: string }
  | {
      readonly reason: 'acting_as_not_allowed'
      readonly field: string
      readonly needs: string | undefined
    }
  | { readonly reason: 'body_unreadable'; readonly problem: string }

/** What conditions and guards made of the facts. */
export interface Judgement {
  /** Base scopes, then what conditions added. */
  readonly scopes: readonly string[]
  /** Lower-case header names that guards strip. */
  readonly stripHeaders: readonly string[]
  /** Why a condition on the body was taken for true unread; undefined when none was. */
  readonly assumed?: string
}

/** What a host is chosen by. */
export interface HostRequest {
  /** That the request names, if it does. */
  readonly named: string | undefined
  readonly method: string
  /** Undefined where it cannot be read. */
  readonly target: Target | undefined
}

export interface Catalog {
  readonly services: ReadonlyMap<string, Service>
  /** By full name. */
  readonly scopes: ReadonlyMap<string, Scope>
  /** Hex SHA-256 over all services. */
  readonly digest: string
  /** Pure; DESIGN 3 gives the order: named host, else the only one whose `only` matches, else role api. */
  resolveHost(
    service: Service,
    request: HostRequest,
  ): Result<
    string,
    | { readonly reason: 'host_ambiguous'; readonly hosts: readonly string[] }
    | { readonly reason: 'host_unknown'; readonly host: string }
  >
  match(
    service: Service,
    request: { readonly method: string; readonly host: string; readonly target: Target },
  ): Result<Operation, MatchProblem>
  /** For services whose requests are signed, in place of `resolveHost` and `match`. */
  matchSigned(service: Service, request: SignedOperationRequest): Result<Operation, MatchProblem>
  /**
   * Evaluates conditions, then guards, with the scopes that the token holds; at once where no body
   * is to be read. Throws for an operation that this catalogue did not match.
   */
  judge(
    operation: Operation,
    facts: Facts,
    held: ReadonlySet<string>,
  ): Result<Judgement, GuardOutcome> | Promise<Result<Judgement, GuardOutcome>>
}
