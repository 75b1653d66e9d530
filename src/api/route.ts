/**
 * One operation of the API as a value: who may call it, what it takes, what it answers.
 * app.ts connects routes to HTTP; openapi.ts documents them; a route itself sees neither.
 */

import type { z } from '@hono/zod-openapi'
import type { Result } from '../base/result.ts'
import type { Operator, OperatorRole } from '../policy/operator-store.ts'
import { parseInput, type Input } from './input.ts'
import type { ApiProblem, ProblemCode } from './problem.ts'

/** Who calls, authenticated, and the request's circumstances. */
export interface Caller {
  readonly operator: Operator
  readonly requestId: string
  readonly source: string
  readonly at: number
  readonly headers: Headers
}

export type Call<P, Q, B> = Caller & {
  readonly params: P
  readonly query: Q
  readonly body: B
}

type Schema = z.ZodType | undefined
type Parsed<S extends Schema> = S extends z.ZodType ? z.output<S> : undefined
type Written<S extends Schema> = S extends z.ZodType ? z.input<S> : undefined

interface Shape<P extends Schema, Q extends Schema, B extends Schema, A extends Schema> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** As OpenAPI spells it: `/v1/tokens/{id}`. */
  readonly path: string
  readonly summary: string
  readonly roles: readonly OperatorRole[]
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly maxBodyBytes?: number
  /** Names and meanings of request headers beyond the usual ones; documentation only. */
  readonly headers?: Readonly<Record<string, string>>
  readonly status: 200 | 201 | 204
  readonly answer?: A
  readonly answerHeaders?: (answer: Written<A>) => Readonly<Record<string, string>>
  /** Beyond those that every route may answer with. */
  readonly problems?: readonly ProblemCode[]
}

type AnyShape = Shape<Schema, Schema, Schema, Schema>

export type Route = Omit<AnyShape, 'answerHeaders'> & {
  readonly answerHeaders: (answer: unknown) => Readonly<Record<string, string>>
  /** Parses the input against the shape, then runs. */
  readonly run: (caller: Caller, input: Input) => Promise<Result<unknown, ApiProblem>>
}

/** Everything, and what an issuer and an auditor may besides admins. */
export const ROLES = {
  admins: ['admin'],
  issuers: ['admin', 'issuer'],
  auditors: ['admin', 'auditor'],
  all: ['admin', 'issuer', 'auditor'],
} as const satisfies Record<string, readonly OperatorRole[]>

export function defineRoute<
  P extends Schema = undefined,
  Q extends Schema = undefined,
  B extends Schema = undefined,
  A extends Schema = undefined,
>(
  shape: Shape<P, Q, B, A>,
  run: (call: Call<Parsed<P>, Parsed<Q>, Parsed<B>>) => Promise<Result<Written<A>, ApiProblem>>,
): Route {
  return {
    ...shape,
    answerHeaders: (answer) => shape.answerHeaders?.(answer as Written<A>) ?? {}, // made by `run`
    run: async (caller, input) => {
      const parsed = parseInput(shape, input)
      if (!parsed.ok) return parsed
      // The same schemas gave the static types and the values.
      return await run({ ...caller, ...parsed.value } as Call<Parsed<P>, Parsed<Q>, Parsed<B>>)
    },
  }
}
