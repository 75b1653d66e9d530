/** `audit checkpoint`: how far the log goes, by its own word and by what was seen before. */

import type { Command } from 'commander'
import { z } from 'zod'
import { readCheckpoint } from '../audit/signed-checkpoint.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import type { Call, Runner } from './command.ts'
import { connect, describe, type Connection } from './connection.ts'
import { formatMoment } from './moments.ts'
import { createOutputFile } from './output-file.ts'
import { answer, type Session } from './session.ts'
import { formatTable, plain } from './table.ts'
import type { Examined } from './server-watch.ts'
import { forget, witnessPath } from './witness-file.ts'

const options = z.object({ save: z.string().optional(), forget: z.boolean().optional() })
type Options = z.output<typeof options>

export function registerAuditCheckpoint(audit: Command, runs: Runner): void {
  const command = audit
    .command('checkpoint')
    .description('show the newest signed checkpoints, beside those that were seen before')
    .option('--save <file>', 'also write them to a new file, as signed notes')
    .option('--forget', 'begin anew with this server, whose log was reset on purpose')
  runs(command, options, checkpoint)
}

async function checkpoint({ session, options: asked }: Call<Options>): Promise<void> {
  const connection = await connect(session)
  if (asked.forget === true) {
    await forgetKept(session, connection)
    return
  }
  const examined = await session.witness.examine(connection.client)
  if (asked.save !== undefined) save(session, asked.save, examined)
  show(session, connection, examined)
  refuseDoubts(examined)
}

/** Throws `refused`; what is in doubt is said by the witness at the end. */
export function refuseDoubts({ doubts }: Pick<Examined, 'doubts'>): void {
  if (doubts.length > 0)
    throw new Failure('refused', 'this is not the log that was seen before, or not all of it')
}

function show(session: Session, { server }: Connection, examined: Examined): void {
  const { checkpoints, doubts, publicKey, kept, path } = examined
  const shown = checkpoints.map(({ origin, size, root, note }) => ({
    ...{ origin, size, root: root.toString('base64'), note },
  }))
  const rows = checkpoints.map(({ origin, size }) => {
    const known = kept?.logs[origin]
    const before = known && readCheckpoint(known.note)
    return [
      origin,
      String(size),
      before && String(before.size),
      known && formatMoment(known.seenAt),
    ]
  })
  const table = formatTable(session.terminal, ['log', 'records', 'seen before', 'at'], rows)
  const words = [table, `key   ${plain(publicKey)}`, `kept  ${path}`].join('\n')
  answer(session, { server, publicKey, checkpoints: shown, kept, file: path, doubts }, words)
}

function save({ terminal }: Session, name: string, { checkpoints }: Examined): void {
  const file = createOutputFile(terminal.workingDirectory, name)
  file.write(checkpoints.map(({ note }) => note).join('\n'))
  file.finish()
}

async function forgetKept(session: Session, connection: Connection): Promise<void> {
  const { terminal, shared } = session
  const path = witnessPath(terminal, connection.witnessed)
  const question = `Forget what was seen of the audit of ${describe(connection)}?`
  if (!shared.yes && !terminal.isInteractive)
    throw new Failure('usage_invalid', '--forget is confirmed with --yes')
  if (!shared.yes && !(await terminal.dialogue.confirm(question)))
    throw new Failure('refused', 'nothing was forgotten')
  try {
    const aside = forget(path, Date.now())
    answer(session, { forgotten: true, file: aside }, `what was seen before is now in ${aside}`)
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
    answer(session, { forgotten: false }, 'nothing was kept of it')
  }
}
