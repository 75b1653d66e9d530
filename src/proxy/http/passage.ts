/** One request on the road, and what became known of it so far: a rejection records all of that. */

import { performance } from 'node:perf_hooks'
import { newRequestId } from '../../base/ids.ts'
import type { Parameters } from '../../audit/audit-log.ts'
import type { Operation } from '../../catalog/catalog.ts'
import type { Service } from '../../catalog/service.ts'
import type { Access } from '../../policy/access.ts'
import type { StoredGrant } from '../../policy/grant-store.ts'
import type { RefusalSubject } from '../../policy/refusal.ts'
import type { Admission, Caller } from '../admission.ts'
import type { WireReply, WireRequest } from '../wire/message.ts'
import { formatProblem } from './answer.ts'
import type { Directory } from './directory.ts'
import type { HeldBody } from './facts.ts'
import { headerValue } from './headers.ts'
import { NO_MARKS, NOTHING_STORED, type Marks } from './marks.ts'
import { problemOfRefusal, type Problem } from './problem.ts'
import { guessService } from './route.ts'
import type { Route } from './route.ts'
import type { SignedHead } from './signature.ts'

export class Passage {
  readonly request: WireRequest
  readonly reply: WireReply
  readonly directory: Directory
  readonly caller: Caller
  readonly startedAt = performance.now()
  grant: StoredGrant | undefined
  route: Route | undefined
  /** Undefined for a request that is not signed. */
  signed: SignedHead | undefined
  operation: Operation | undefined
  parameters: Parameters = NONE
  held: HeldBody | undefined
  admission: Admission | undefined
  /** Looked for in all of it: those that were in memory when it came. */
  stored = NOTHING_STORED
  /** What the record should point at. */
  marks: Marks = NO_MARKS

  constructor(request: WireRequest, reply: WireReply, directory: Directory) {
    const { source, receivedAt, fields } = request
    this.request = request
    this.reply = reply
    this.directory = directory
    const userAgent = headerValue(fields, 'user-agent')
    this.caller = { requestId: newRequestId(), receivedAt, source, userAgent }
  }

  /** Answers, once an intent that is still being written is on disk; without it that is the answer. */
  answer(problem: Problem): void {
    const intent = this.admission?.intent
    if (!intent) {
      this.#send(problem)
      return
    }
    intent.then(
      () => {
        this.#send(problem)
      },
      () => {
        this.#send(problemOfRefusal({ reason: 'audit_unavailable' }, this.subject()))
      },
    )
  }

  /** In the shape that the clients of the likeliest service understand. */
  #send(problem: Problem): void {
    const { reply, request, caller } = this
    if (reply.isGone || reply.hasStarted) return
    reply.send(
      formatProblem(problem, {
        service: this.#likelyService(),
        userAgent: caller.userAgent ?? '',
        contentType: headerValue(request.fields, 'content-type'),
      }),
    )
  }

  /** As much of the access as is known; before a token is recognised, only what the door names. */
  known(): Partial<Access> {
    const { request, grant, route, operation } = this
    const service = route?.service ?? guessService(request, this.directory)
    const named = service && { service: service.id }
    if (!grant) return { ...named }
    const path = pathOf(route?.target ?? request.target)
    if (!operation) return { ...named, method: request.method, path }
    const { host, rule, baseScopes: scopes } = operation
    return { ...named, method: request.method, path, host, rule, scopes }
  }

  /** Who asked for what, for the words of an answer. */
  subject(): RefusalSubject {
    const { grant, request, route, operation, caller } = this
    const { requestId } = caller
    if (!grant) return { requestId }
    const path = pathOf(route?.target ?? request.target)
    const named = operation?.signing && { operation: operation.rule }
    return { requestId, agent: grant.agent, method: request.method, path, ...named }
  }

  /** As routed; else as the door names it; else the only one of the grant. */
  #likelyService(): Service | undefined {
    const { route, grant, request, directory } = this
    if (route) return route.service
    const [only, other] = grant?.services ?? []
    const byGrant = other === undefined ? directory.catalog.services.get(only ?? '') : undefined
    return guessService(request, directory) ?? byGrant
  }
}

const NONE: Parameters = Object.freeze({})

export function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? target : target.slice(0, mark)
}
