/** `audit verify`: whether the logs on disk are as they were signed; needs no server. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import type { KeptFile } from '../audit-files/kept-checkpoints.ts'
import { verifyAudit, type AuditVerdict } from '../audit-files/verify.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { formatVerdict } from './audit-verdict.ts'
import { collect, type Call, type Runner } from './command.ts'
import { progressBar } from './progress.ts'
import { answer, loadLocal, type Session } from './session.ts'

const options = z.object({
  sinceCheckpoint: z.array(z.string()).default([]),
  publicKey: z.string().optional(),
})
type Options = z.output<typeof options>

const REDRAW_BYTES = 8 * 1024 * 1024

export function registerAuditVerify(audit: Command, runs: Runner): void {
  const command = audit
    .command('verify [dir]')
    .description(
      "prove that the audit's logs are as they were signed, offline, or name the first record that is not (exit code 5)",
    )
    .addOption(
      audit
        .createOption(
          '--since-checkpoint <file>',
          'a checkpoint that was kept elsewhere; repeatable',
        )
        .argParser(collect),
    )
    .option(
      '--public-key <key>',
      'the key that signed, or a file with it (default: checkpoint.pub)',
    )
  runs(command, options, verify)
}

async function verify({ session, options: asked, args }: Call<Options>): Promise<void> {
  const { terminal } = session
  const log = logOf(session, args[0])
  const startedAt = performance.now()
  let drawnAt = 0
  const verdict = await verifyAudit({
    ...log,
    publicKey: publicKeyOf(session, asked.publicKey),
    kept: asked.sinceCheckpoint.map((name) => keptFile(session, name)),
    onProgress(bytes, allBytes) {
      if (bytes - drawnAt < REDRAW_BYTES) return
      drawnAt = bytes
      terminal.progress(progressBar(bytes / allBytes, `${Math.round(bytes / 1e6)} MB`))
    },
  })
  terminal.progress('')
  const seconds = (performance.now() - startedAt) / 1000
  const told = { directory: log.directory, ...verdict, seconds }
  answer(session, told, formatVerdict(terminal, told))
  if (!verdict.isIntact) throw new Failure('audit_tampered', summaryOf(verdict))
}

/** A copy may be anybody's; the environment's own log has the environment's name. */
function logOf(session: Session, given: string | undefined) {
  if (given !== undefined) return { directory: resolve(session.terminal.workingDirectory, given) }
  const { state, config } = loadLocal(session)
  return { directory: state.audit, logName: `apistronghold/${config.environment}` }
}

/** A key is one line with two `+`; anything else is a file. */
function publicKeyOf(session: Session, given: string | undefined): string | undefined {
  if (given === undefined || /^[^+\s]+\+[0-9a-f]{8}\+\S+$/.test(given)) return given
  return readText(session, given).trim()
}

const keptFile = (session: Session, name: string): KeptFile => ({
  name,
  text: readText(session, name),
})

function readText({ terminal }: Session, name: string): string {
  try {
    return readFileSync(resolve(terminal.workingDirectory, name), 'utf8')
  } catch (error) {
    const code = systemErrorCode(error) ?? 'failed'
    throw new Failure('usage_invalid', `${name} cannot be read (${code})`, { cause: error })
  }
}

function summaryOf({ writers, findings }: AuditVerdict): string {
  const first = [...findings, ...writers.flatMap((one) => one.findings)][0]
  return `the audit is not as it was signed: ${first ? `${first.writer}: ${first.message}` : ''}`
}
