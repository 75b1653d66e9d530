/**
 * Real secrets come from standard input, a prompt, a variable or a file, and never from an
 * argument: every user of the machine sees those, and shells keep them.
 */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { looksLikeRealCredential } from '../secret/looks-real.ts'
import { Secret } from '../secret/secret.ts'
import type { Terminal } from './terminal.ts'

const OWN_KEY = /\b(?:ok|mt)_(?:live|test)_[0-9A-Za-z]{36}\b/

/** Throws `usage_invalid` when an argument is a secret; a phantom token may be one, to be revoked. */
export function refuseSecretArguments(args: readonly string[]): void {
  const found = args.some(
    (text) => looksLikeRealCredential(text) !== undefined || OWN_KEY.test(text),
  )
  if (found)
    throw new Failure(
      'usage_invalid',
      'an argument looks like a real secret. Arguments are seen by every user of this machine and kept by the shell: consider it leaked, replace it, and give the new one on standard input',
    )
}

/** From standard input, else from a prompt that shows nothing. */
export async function readSecret(terminal: Terminal, question: string): Promise<Secret> {
  return secretOf(await readSecretText(terminal, question))
}

/** As text, for the key that the client sends itself. Never print it. */
export async function readSecretText(terminal: Terminal, question: string): Promise<string> {
  const piped = await terminal.readInput()
  if (piped?.trim() === '') throw new Failure('usage_invalid', 'standard input holds no value')
  if (piped !== undefined) return piped
  if (terminal.isInteractive) return await terminal.dialogue.hide(question)
  throw new Failure('usage_invalid', 'give the value on standard input: `... < file`')
}

/** `env:NAME`, `file:PATH` or `-`: where a value is taken from once, to be sealed. */
export async function takeSecret(terminal: Terminal, source: string): Promise<Secret> {
  if (source === '-') return await readSecret(terminal, 'value')
  const [kind, rest] = [source.slice(0, source.indexOf(':')), source.slice(source.indexOf(':') + 1)]
  if (kind === 'env' && rest !== '') return takeVariable(terminal, rest)
  if (kind === 'file' && rest !== '') return takeFile(terminal, rest)
  throw new Failure(
    'usage_invalid',
    'a value is imported from env:NAME, file:PATH or - (standard input)',
  )
}

function takeVariable({ env }: Terminal, name: string): Secret {
  const value = Object.hasOwn(env, name) ? env[name] : undefined
  if (value === undefined || value === '')
    throw new Failure('usage_invalid', `the variable ${name} is not set`)
  return new Secret(value)
}

function takeFile({ workingDirectory }: Terminal, path: string): Secret {
  try {
    return secretOf(readFileSync(resolve(workingDirectory, path), 'utf8'))
  } catch (error) {
    throw new Failure(
      'usage_invalid',
      `cannot read ${path}: ${systemErrorCode(error) ?? 'no reason'}`,
    )
  }
}

/** `echo` and editors end a line that is not part of the value. */
function secretOf(text: string): Secret {
  return new Secret(text.replace(/\r?\n$/, ''))
}
