/** The part of a request that a credential may enter, and why it could not. */

import type { Result } from '../base/result.ts'
import type { Fields } from './template.ts'

export type HeaderPair = readonly [name: string, value: string]

export interface Outgoing {
  /** In order, names as they will be written. */
  readonly headers: readonly HeaderPair[]
  /** Raw path, without the query. */
  readonly path: string
  /** Raw query without the question mark; undefined when there is none. */
  readonly query: string | undefined
}

export type InjectionProblem =
  /** No rule of the service puts a credential into a request to this host. */
  | { readonly reason: 'no_injection_rule'; readonly host: string }
  | { readonly reason: 'field_missing'; readonly field: string }
  /** The value would end or split what it stands in. */
  | { readonly reason: 'value_unusable'; readonly place: string }
  /** The path has no slot where the rule's pattern has one. */
  | { readonly reason: 'slot_missing'; readonly pattern: string }

/** One rule, compiled: a request with the credential in it. */
export type Step = (outgoing: Outgoing, fields: Fields) => Result<Outgoing, InjectionProblem>
