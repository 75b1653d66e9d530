/** What `init` is given to act under: the operator's name, and a key that JWTs are to be signed with. */

import { userInfo } from 'node:os'
import { resolve } from 'node:path'
import { Failure } from '../base/errors.ts'
import { isSealerName } from '../secret/names.ts'
import { checkSigningKey } from '../state-dir/key-files.ts'
import { readPrivateFile } from '../state-dir/privacy.ts'
import type { Session } from './session.ts'

/** The operator's own name, as the system knows it. */
export function operatorName(chosen: string | undefined): string {
  if (chosen === undefined) {
    const { username } = userInfo()
    return isSealerName(username) ? username : 'operator'
  }
  if (isSealerName(chosen)) return chosen
  throw new Failure(
    'usage_invalid',
    '--operator takes letters, digits, dots, underscores and hyphens',
  )
}

/** Throws `state_unsafe`, with the command that mends it, when others can read the file too. */
export function readSigningKey(
  { terminal }: Session,
  file: string | undefined,
): string | undefined {
  if (file === undefined) return undefined
  const pem = readPrivateFile(resolve(terminal.workingDirectory, file))
  if (pem === undefined) throw new Failure('usage_invalid', `cannot read ${file}: ENOENT`)
  checkSigningKey(pem)
  return pem
}
