/** `audit reindex`: the index anew from the journal, which is the truth. */

import { setTimeout } from 'node:timers/promises'
import type { Command } from 'commander'
import { z } from 'zod'
import type { AuditStatus } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import type { Call, Runner } from './command.ts'
import { connect, describe } from './connection.ts'
import { progressBar } from './progress.ts'
import { answer } from './session.ts'

const POLL_MS = 250

const options = z.object({})

export function registerAuditReindex(audit: Command, runs: Runner): void {
  const command = audit
    .command('reindex')
    .description('build the index of the audit anew from the journal')
  runs(command, options, reindex)
}

async function reindex({ session }: Call<z.output<typeof options>>): Promise<void> {
  const { terminal } = session
  const connection = await connect(session)
  const { audit } = connection.client
  await audit.reindex()
  let { index } = await audit.status()
  const allBytes = index.behindBytes
  while (index.isRebuilding) {
    if (index.problem !== undefined) throw stopped(index)
    const share = 1 - index.behindBytes / Math.max(1, allBytes)
    terminal.progress(progressBar(share, `${index.records} records`))
    await setTimeout(POLL_MS)
    index = (await audit.status()).index
  }
  terminal.progress('')
  answer(session, { index }, `indexed ${index.records} records of ${describe(connection)}`)
}

function stopped({ problem = '' }: AuditStatus['index']): Failure {
  return new Failure('refused', `the index stands still: ${problem}`)
}
