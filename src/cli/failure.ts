/** From anything that went wrong to an exit code and one or two lines that say what to do. */

import { CommanderError } from 'commander'
import { ApiError, UnreachableError } from '../../sdk/src/client.ts'
import { Failure, systemErrorCode, type FailureCode } from '../base/errors.ts'
import { ReaderGone } from './reader-gone.ts'

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  notFound: 4,
  tampered: 5,
} as const

export interface Ending {
  readonly exitCode: number
  /** Stable, for `--json`. */
  readonly code: string
  /** Empty when it has been said already. */
  readonly message: string
}

const FAILURE_EXITS: Partial<Record<FailureCode, number>> = {
  usage_invalid: EXIT.usage,
  server_unreachable: EXIT.unreachable,
  not_found: EXIT.notFound,
  audit_tampered: EXIT.tampered,
}

/** Answers that say that the words of the command were wrong, not that it was refused. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'invalid_request',
  'cursor_invalid',
  'ttl_invalid',
  'scope_unknown',
  'credential_not_configured',
  'service_unsupported',
])

export function endingOf(error: unknown): Ending {
  if (error instanceof CommanderError) return commanderEnding(error)
  if (error instanceof ReaderGone) return { exitCode: EXIT.done, code: 'reader_gone', message: '' }
  if (error instanceof ApiError) return apiEnding(error)
  if (error instanceof UnreachableError)
    return { exitCode: EXIT.unreachable, code: 'server_unreachable', message: error.message }
  if (error instanceof Failure) {
    const { code, message } = error
    return { exitCode: FAILURE_EXITS[code] ?? EXIT.failed, code, message }
  }
  return unexpectedEnding(error)
}

/** Help and version end this way too; commander has printed what there is to say. */
function commanderEnding({ exitCode, code }: CommanderError): Ending {
  return { exitCode: exitCode === 0 ? EXIT.done : EXIT.usage, code, message: '' }
}

function apiEnding({ status, code, detail, problem, requestId }: ApiError): Ending {
  const fields = (problem.errors ?? [])
    .filter(({ message }) => !detail.includes(message))
    .map(({ field, message }) => `${field} ${message}`)
  const message = [detail, ...fields].join('; ')
  if (code === 'invalid_token')
    return {
      exitCode: EXIT.failed,
      code,
      message:
        'the control plane does not accept this operator key: it may have been removed, or belong to another environment',
    }
  if (status === 404 || code === 'subject_ambiguous')
    return { exitCode: EXIT.notFound, code, message }
  if (USAGE_CODES.has(code)) return { exitCode: EXIT.usage, code, message }
  return { exitCode: EXIT.failed, code, message: `${message} (request ${requestId})` }
}

/** Its message may quote anything, so only its kind is shown. */
function unexpectedEnding(error: unknown): Ending {
  const kind = error instanceof Error ? (systemErrorCode(error) ?? error.name) : typeof error
  const path = error instanceof Error && 'path' in error ? error.path : undefined
  const where = typeof path === 'string' ? ` at ${path}` : ''
  return {
    exitCode: EXIT.failed,
    code: 'unexpected',
    message: `something unexpected broke (${kind}${where}); --verbose says where`,
  }
}

/** Where in the code it broke: the stack without messages, which may quote values. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => line.trimStart().startsWith('at '))
    .join('\n')
}
