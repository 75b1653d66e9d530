/** `token resume`: what an alert has suspended goes on, for a reason that is on the record. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { TokenView } from '../../sdk/src/client.ts'
import type { Call, Runner } from './command.ts'
import { connect, describe } from './connection.ts'
import { answer } from './session.ts'

const options = z.object({ reason: z.string() })

export function registerTokenResume(parent: Command, runs: Runner): void {
  const command = parent
    .command('resume')
    .argument('<id>', 'tok_...')
    .requiredOption('--reason <text>', 'why it may go on; for the record')
    .description('let a suspended token go on, with its descendants')
  runs(command, options, resume)
}

async function resume({
  session,
  options: { reason },
  args: [id = ''],
}: Call<z.output<typeof options>>): Promise<void> {
  const connection = await connect(session)
  const token = await connection.client.tokens.resume(id, reason)
  session.terminal.note(describe(connection))
  answer(session, token, wordsOf(token))
}

function wordsOf({ id, agent, status }: TokenView): string {
  const name = `${id} (${agent})`
  switch (status) {
    case 'live':
      return `${name} is live: nothing suspends it`
    case 'suspended':
      return `${name} is suspended still, by one of its parents: resume that one`
    case 'revoked':
    case 'expired':
      return `${name} is ${status} and stays so: issue a new token`
  }
}
