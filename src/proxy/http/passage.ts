/** One request on the road, and what became known of it so far: a rejection records all of that. */

import { performance } from 'node:perf_hooks'
import { newRequestId } from '../../base/ids.ts'
import type { Parameters } from '../../audit/audit-log.ts'
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
import type { Problem } from './problem.ts'
import { guessService } from './route.ts'

export class Passage {
  readonly request: WireRequest
  readonly reply: WireReply
  readonly directory: Directory
  readonly caller: Caller
  readonly startedAt = performance.now()
  grant: StoredGrant | undefined
  service: Service | undefined
  access: Partial<Access> = {}
  parameters: Parameters = {}
  held: HeldBody | undefined
  admission: Admission | undefined

  constructor(request: WireRequest, reply: WireReply, directory: Directory) {
    const { source, receivedAt, fields } = request
    this.request = request
    this.reply = reply
    this.directory = directory
    const userAgent = headerValue(fields, 'user-agent')
    this.caller = { requestId: newRequestId(), receivedAt, source, userAgent }
  }

  /** Answers in the shape that the clients of the likeliest service understand. */
  readonly answer = (problem: Problem): void => {
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

  learn(access: Partial<Access>): void {
    this.access = { ...this.access, ...access }
  }

  /** Who asked for what, for the words of an answer. */
  subject(): RefusalSubject {
    const { access, grant, caller } = this
    return {
      requestId: caller.requestId,
      ...(grant && { agent: grant.agent }),
      ...(access.method !== undefined && { method: access.method }),
      ...(access.path !== undefined && { path: access.path }),
    }
  }

  /** What the transfer of an admitted request needs from here. */
  forwarding(admission: Admission) {
    const { request, reply, directory, held, startedAt, answer } = this
    return { request, reply, directory, held, startedAt, answer, admission }
  }

  /** The service that the door names, for a count of what nobody was recognised for. */
  guess(): Partial<Access> {
    const service = guessService(this.request, this.directory)
    return service ? { service: service.id } : {}
  }

  /** As routed; else as the door names it; else the only one of the grant. */
  #likelyService(): Service | undefined {
    const { service, grant, request, directory } = this
    if (service) return service
    const [only, other] = grant?.services ?? []
    const byGrant = other === undefined ? directory.catalog.services.get(only ?? '') : undefined
    return guessService(request, directory) ?? byGrant
  }
}
