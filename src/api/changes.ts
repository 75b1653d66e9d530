/**
 * Operators' changes and the audit, in the order that errs on the safe side.
 *
 * What gives power is recorded before it happens: a crash may leave a record of something that
 * was not done, never the reverse. What takes power away happens first: a full disk must not keep
 * a stolen token alive. Either way the answer waits for the record.
 */

import type { AuditLog, ChangeEvent } from '../audit/audit-log.ts'
import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { ApiProblem } from './problem.ts'
import type { Caller } from './route.ts'

export interface Change {
  /** `token.issue`, `agent.disable`, ... */
  readonly action: string
  readonly target: string
  /** The difference, never a value. */
  readonly details?: Readonly<Record<string, unknown>>
}

type Outcome<T> = Promise<Result<T, ApiProblem>>

export interface ChangeLog {
  /** Records, then makes. Where it was not made after all, a second record takes the first back. */
  grant<T>(caller: Caller, change: Change, make: () => Outcome<T>): Outcome<T>
  /** Makes, then records what was made. */
  withdraw<T>(
    caller: Caller,
    make: () => Outcome<{ readonly answer: T; readonly change: Change }>,
  ): Outcome<T>
  /** The record alone: a read of the audit, an attempt beyond the operator's role, a reload. */
  note(caller: Caller, change: Change, result: 'done' | 'refused'): Promise<void>
}

export function createChangeLog(audit: AuditLog, log: Log): ChangeLog {
  const record: RecordChange = (caller, change, result) =>
    audit.change(eventOf(caller, change, result))
  return {
    grant: (caller, change, make) => recordThenMake({ record, log }, { caller, change }, make),
    withdraw: (caller, make) => makeThenRecord(record, caller, make),
    note: record,
  }
}

type RecordChange = (
  caller: Caller,
  change: Change,
  result: 'done' | 'refused' | 'failed',
) => Promise<void>

interface Recording {
  readonly record: RecordChange
  readonly log: Log
}

interface Planned {
  readonly caller: Caller
  readonly change: Change
}

async function recordThenMake<T>(
  recording: Recording,
  planned: Planned,
  make: () => Outcome<T>,
): Outcome<T> {
  await recording.record(planned.caller, planned.change, 'done')
  try {
    const made = await make()
    if (!made.ok) await takeBack(recording, planned, 'refused')
    return made
  } catch (error) {
    await takeBack(recording, planned, 'failed')
    throw error
  }
}

async function takeBack(
  { record, log }: Recording,
  { caller, change }: Planned,
  result: 'refused' | 'failed',
): Promise<void> {
  try {
    await record(caller, change, result)
  } catch {
    // The first record stands and claims too much, which is the safe side to err on.
    log.error('change_not_taken_back', { requestId: caller.requestId, action: change.action })
  }
}

async function makeThenRecord<T>(
  record: RecordChange,
  caller: Caller,
  make: () => Outcome<{ readonly answer: T; readonly change: Change }>,
): Outcome<T> {
  const made = await make()
  if (!made.ok) return made
  try {
    await record(caller, made.value.change, 'done')
  } catch (error) {
    if (error instanceof Failure && error.code === 'audit_unavailable') return err(unrecorded)
    throw error
  }
  return ok(made.value.answer)
}

function eventOf(caller: Caller, change: Change, result: ChangeEvent['result']): ChangeEvent {
  return {
    at: caller.at,
    requestId: caller.requestId,
    operator: caller.operator.name,
    action: change.action,
    target: change.target,
    result,
    details: change.details ?? {},
    source: caller.source,
  }
}

const unrecorded: ApiProblem = {
  code: 'audit_unavailable',
  detail:
    'It took effect, but the audit could not record it. Free the disk and repeat the command: repeating is safe.',
}
