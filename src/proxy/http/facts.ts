/**
 * What a rule may look at beside method and path. The body is read only where some condition can
 * hold and the base scope is granted: everything else streams past, unread and unlimited.
 */

import { err, ok } from '../../base/result.ts'
import type { Result } from '../../base/result.ts'
import type { Facts, Operation } from '../../catalog/catalog.ts'
import type { Refusal } from '../../policy/refusal.ts'
import type { BodyShare } from '../body-budget.ts'
import type { WireBody } from '../wire/message.ts'
import { headerValue } from './headers.ts'
import type { HeaderList } from './headers.ts'

/** A body held in memory; whoever ends the request gives its bytes back. */
export interface HeldBody {
  readonly bytes: Buffer
  release(): void
}

export interface ReadRequest {
  readonly facts: Facts
  readonly held: HeldBody | undefined
}

export interface BodyAsked {
  readonly operation: Operation
  readonly body: WireBody
  /** Read already, to find out what is asked for. */
  readonly held: HeldBody | undefined
}

/** Reads as much of a request as the operation's rules need; `gone` when its client went away. */
export async function readFacts(
  { fields, named }: HeaderList,
  { operation, body, held: known }: BodyAsked,
  share: BodyShare,
): Promise<Result<ReadRequest, Refusal | 'gone'>> {
  const contentType = headerValue(fields, 'content-type')
  const headers = [...fields, ...named]
  const factsWith = (found: Facts['body']): Facts => ({ headers, contentType, body: found })
  const unread = (problem: string) =>
    ok({ facts: factsWith({ kind: 'unreadable', problem }), held: undefined })

  if (known) return ok({ facts: factsWith({ kind: 'bytes', bytes: known.bytes }), held: known })
  if (!body.isPresent) return ok({ facts: factsWith({ kind: 'none' }), held: undefined })
  const isRead = operation.readsBody || (operation.readsForm === true && isForm(contentType))
  if (!isRead) return unread('no rule reads it')
  if (isCoded(headerValue(fields, 'content-encoding'))) return unread('it is compressed')
  const held = await holdBody(body, operation.service.bodyLimitBytes, share)
  if (!held.ok) return held
  const { bytes } = held.value
  return ok({ facts: factsWith({ kind: 'bytes', bytes }), held: held.value })
}

/** The whole body in memory, or why not; its sender is gone, or to be told. */
export async function holdBody(
  body: WireBody,
  limitBytes: number,
  share: BodyShare,
): Promise<Result<HeldBody, Refusal | 'gone'>> {
  const tooLarge = err({ reason: 'body_too_large', limitBytes } as const)
  if (body.length !== undefined && body.length > limitBytes) return tooLarge
  let heldBytes = 0
  const release = (): void => {
    share.give(heldBytes)
    heldBytes = 0
  }
  body.proceed()
  const bytes = await body.collect(limitBytes, (size) => {
    const isTaken = share.take(size)
    if (isTaken) heldBytes += size
    return isTaken
  })
  if (typeof bytes !== 'string') return ok({ bytes, release })
  release()
  switch (bytes) {
    case 'gone':
      return err(bytes)
    case 'no_room':
      return err({ reason: 'overloaded' })
    case 'too_large':
      return tooLarge
    case 'stalled':
    case 'malformed':
      return err(unreadableBody(bytes))
  }
}

/** What a client is told whose body did not come to its end. */
export function unreadableBody(failure: 'stalled' | 'malformed'): Refusal {
  const problem = failure === 'stalled' ? 'it stopped arriving' : 'its framing is broken'
  return { reason: 'body_unreadable', problem }
}

/** Whether a body says that it is a form, in whatever words. */
export function isForm(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().includes('x-www-form-urlencoded') === true
}

export function isCoded(coding: string | undefined): boolean {
  return coding !== undefined && coding.trim().toLowerCase() !== 'identity'
}
