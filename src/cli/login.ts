/** `login`: remembers a control plane elsewhere and the operator key for it, after trying it. */

import type { Command } from 'commander'
import { resolve } from 'node:path'
import { z } from 'zod'
import { ApiError } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import type { Call, Runner } from './command.ts'
import { readAuthority } from './authority.ts'
import { storeLogin, type Login } from './login-file.ts'
import { readSecretText } from './secret-input.ts'
import { answer, type Session } from './session.ts'

const options = z.object({ ca: z.string().optional() })
type Options = z.output<typeof options>

const KEY = /^ok_(?:live|test)_[0-9A-Za-z]{36}$/

export function registerLogin(program: Command, runs: Runner): void {
  const command = program
    .command('login')
    .argument('<url>', 'the control plane, https://...')
    .description('use a control plane elsewhere; the operator key comes from standard input')
    .option('--ca <file>', 'certificates (PEM) that verify it, instead of the public ones')
  runs(command, options, login)
}

async function login({ session, args, options: asked }: Call<Options>): Promise<void> {
  const [named = ''] = args
  const url = URL.parse(named)?.origin
  if (url === undefined || url === 'null')
    throw new Failure(
      'usage_invalid',
      'the control plane is named by its URL, as https://proxy.example:8901',
    )
  const { env } = session.terminal
  const key = (
    env.APISTRONGHOLD_OPERATOR_KEY || (await readSecretText(session.terminal, 'Operator key'))
  ).trim()
  if (!KEY.test(key))
    throw new Failure(
      'usage_invalid',
      'an operator key begins with ok_live_ or ok_test_ and has 44 characters',
    )
  const { workingDirectory } = session.terminal
  const ca = asked.ca === undefined ? undefined : readAuthority(resolve(workingDirectory, asked.ca))
  await tryKey(session, { url, key, ca })
  const path = storeLogin(session.terminal, { url, key, ca })
  answer(
    session,
    { url, file: path },
    `logged in to ${url}; commands without a configuration go there (${path})`,
  )
}

/** Throws what the control plane says to the key; one whose role may not list tokens is good too. */
async function tryKey({ witness }: Session, login: Login): Promise<void> {
  try {
    await witness.createClient({ server: login.url }, login).tokens.list({ limit: 1 })
  } catch (error) {
    if (error instanceof TypeError) throw new Failure('usage_invalid', error.message)
    if (!(error instanceof ApiError && error.code === 'role_insufficient')) throw error
  }
}
