/** The record of a request by the id that its answer carried, found in the segments alone. */

import { join } from 'node:path'
import { glanceAt } from '../audit/glance.ts'
import { Failure } from '../base/errors.ts'
import { readLines } from '../storage/journal/lines.ts'
import { listSegments, listWriters } from '../storage/journal/segment.ts'

export interface RecordPlace {
  readonly writer: string
  readonly seq: number
}

/** Its first one: the intent or the refusal, before how it ended. Throws `not_found`. */
export async function findRequest(directory: string, requestId: string): Promise<RecordPlace> {
  for (const writer of await listWriters(directory)) {
    const seq = await findIn(join(directory, writer), requestId)
    if (seq !== undefined) return { writer, seq }
  }
  throw new Failure('not_found', `there is no record of ${requestId} in ${directory}`)
}

async function findIn(own: string, requestId: string): Promise<number | undefined> {
  for (const { path } of await listSegments(own)) {
    const seq = await firstIn(path, requestId)
    if (seq !== undefined) return seq
  }
  return undefined
}

async function firstIn(path: string, requestId: string): Promise<number | undefined> {
  for await (const lines of readLines(path))
    for (const { bytes } of lines) {
      const glance = glanceAt(bytes)
      if (glance?.requestId === requestId) return glance.sequence
    }
  return undefined
}
