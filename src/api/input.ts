/** From an HTTP request to values that fit a route's schemas, or to every field that does not. */

import type { z } from '@hono/zod-openapi'
import { err, ok, type Result } from '../base/result.ts'
import type { ApiProblem } from './problem.ts'

/** What a request brought, read but not yet judged. */
export interface Input {
  readonly params: unknown
  readonly query: unknown
  readonly body: unknown
}

interface InputShape {
  readonly params?: z.ZodType | undefined
  readonly query?: z.ZodType | undefined
  readonly body?: z.ZodType | undefined
}

type FieldProblem = NonNullable<ApiProblem['errors']>[number]

const JSON_TYPE = /^application\/json(?: *; *charset="?utf-8"?)?$/i
const SHOWN_NAME = /^[\w.-]{1,40}$/

/** Judges all three parts and reports every mistake at once. */
export function parseInput(shape: InputShape, input: Input): Result<Input, ApiProblem> {
  const parts = (['params', 'query', 'body'] as const).map((part) => {
    const parsed = shape[part]?.safeParse(input[part])
    return { part, value: parsed?.data, errors: parsed?.error?.issues.flatMap(asFields) ?? [] }
  })
  const errors = parts.flatMap((part) => part.errors)
  if (errors.length > 0) return err(invalid(summaryOf(errors), errors))
  const [params, query, body] = parts.map((part) => part.value)
  return ok({ params, query, body })
}

/** Reads the query into an object without a prototype; a name that comes twice is a mistake. */
export function readQuery(url: string): Result<Record<string, string>, ApiProblem> {
  const query = Object.create(null) as Record<string, string>
  for (const [name, value] of new URL(url).searchParams) {
    if (name in query) return err(invalid('A query parameter may occur only once.'))
    query[name] = value
  }
  return ok(query)
}

/** Reads a JSON body whose length was declared, so that nothing unbounded is ever buffered. */
export async function readJson(
  request: Request,
  maxBytes: number,
): Promise<Result<unknown, ApiProblem>> {
  const problem = framingProblem(request.headers, maxBytes)
  if (problem) return err(problem)
  try {
    const bytes = await request.arrayBuffer()
    if (bytes.byteLength > maxBytes) return err(tooLarge(maxBytes))
    return ok(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)))
  } catch {
    return err(invalid('The body is not JSON in UTF-8.'))
  }
}

function framingProblem(headers: Headers, maxBytes: number): ApiProblem | undefined {
  if (!JSON_TYPE.test(headers.get('content-type') ?? '') || headers.has('content-encoding'))
    return { code: 'content_type_unsupported', detail: 'Send the body as plain application/json.' }
  const length = headers.get('content-length')
  if (length === null || !/^\d{1,15}$/.test(length))
    return {
      code: 'length_required',
      detail: 'Send the body with its Content-Length, not chunked.',
    }
  return Number(length) > maxBytes ? tooLarge(maxBytes) : undefined
}

const tooLarge = (maxBytes: number): ApiProblem => ({
  code: 'body_too_large',
  detail: `A body here has at most ${maxBytes} bytes.`,
})

const invalid = (detail: string, errors?: readonly FieldProblem[]): ApiProblem => ({
  code: 'invalid_request',
  detail,
  ...(errors ? { errors } : {}),
})

function summaryOf(errors: readonly FieldProblem[]): string {
  return errors.map(({ field, message }) => (field ? `${field}: ${message}` : message)).join('; ')
}

/** Zod's messages name types and limits, never values; names that came from outside are cut. */
function asFields(issue: z.core.$ZodIssue): FieldProblem[] {
  const field = issue.path.map(String).join('.')
  if (issue.code !== 'unrecognized_keys') return [{ field, message: issue.message }]
  return issue.keys.map((key) => ({
    field: SHOWN_NAME.test(key) ? [...issue.path.map(String), key].join('.') : field,
    message: 'there is no such field',
  }))
}
