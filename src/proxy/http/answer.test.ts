import { describe, expect, it } from 'vitest'
import { aService } from '../../../test/support/services.ts'
import type { RefusalShape } from '../../catalog/service.ts'
import { Failure } from '../../base/errors.ts'
import type { FailureCode } from '../../base/errors.ts'
import { formatProblem } from './answer.ts'
import { problemOfFailure, problemOfRefusal } from './problem.ts'

const SUBJECT = { requestId: 'req_1' }

const headersOf = (list: readonly string[]) =>
  new Map(list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1]]] : [])) as [])

const format = (refusal: RefusalShape, contentType?: string) =>
  formatProblem(problemOfRefusal({ reason: 'token_unknown' }, SUBJECT), {
    service: aService('demo', { read: 'read' }, { refusal }),
    userAgent: '',
    contentType,
  })

describe('formatProblem', () => {
  it('answers AWS clients in the format that they asked in', () => {
    const json = format('aws', 'application/x-amz-json-1.1')
    expect(JSON.parse(json.body)).toMatchObject({ __type: 'UnrecognizedClientException' })
    const xml = format('aws')
    expect(headersOf(xml.headers)).toContainEqual(['Content-Type', 'text/xml'])
    expect(xml.body).toContain('<Code>UnrecognizedClientException</Code>')
    expect(xml.body).toContain('<RequestId>req_1</RequestId>')
  })

  it.each<[RefusalShape, number]>([
    ['problem', 401],
    ['google', 401],
    ['graphql', 401],
    ['aws', 401],
    ['slack', 200],
  ])('names the reason in the shape %s', (shape, status) => {
    const answer = format(shape, 'application/json')
    expect(answer.status).toBe(status)
    expect(answer.body).toContain('phantom token')
    expect(answer.headers).toContain('x-should-retry')
  })

  it('leaves a moment of too much to the retries of the SDK', () => {
    const problem = problemOfRefusal({ reason: 'rate_limited', retryAfterSeconds: 3 }, SUBJECT)
    const service = aService('demo', { read: 'read' }, { refusal: 'slack' })
    const answer = formatProblem(problem, { service, userAgent: '', contentType: undefined })
    expect(answer.status).toBe(429)
    expect(answer.headers).not.toContain('x-should-retry')
    expect(headersOf(answer.headers)).toContainEqual(['Retry-After', '3'])
  })
})

describe('problemOfFailure', () => {
  it.each<[FailureCode, number, string]>([
    ['upstream_timeout', 504, 'upstream_timeout'],
    ['upstream_unreachable', 502, 'upstream_unreachable'],
    ['upstream_tls_invalid', 502, 'upstream_unreachable'],
    ['upstream_malformed', 502, 'upstream_unreachable'],
    ['address_forbidden', 502, 'upstream_unreachable'],
    ['upstream_circuit_open', 503, 'upstream_circuit_open'],
    ['upstream_overloaded', 503, 'upstream_overloaded'],
    ['database_unavailable', 500, 'internal_failure'],
  ])('CE-12 tells the kind of %s and nothing of its message', (code, status, publicCode) => {
    const problem = problemOfFailure(new Failure(code, 'secret words'), 'req_1')
    expect(problem).toMatchObject({ status, code: publicCode })
    expect(JSON.stringify(problem)).not.toContain('secret words')
  })

  it('says when to try again, where that is known', () => {
    const failure = new Failure('upstream_circuit_open', 'left alone', { retryAfterSeconds: 7 })
    const problem = problemOfFailure(failure, 'req_1')
    const service = aService('demo', { read: 'read' })
    const answer = formatProblem(problem, { service, userAgent: '', contentType: undefined })
    expect(answer.status).toBe(503)
    expect(headersOf(answer.headers)).toContainEqual(['Retry-After', '7'])
  })
})
