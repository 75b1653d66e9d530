/** Where a report goes: the terminal or a file that only its owner may read; as text, JSON or HTML. */

import { closeSync, constants, fchmodSync, openSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import picocolors from 'picocolors'
import { z } from 'zod'
import { Failure, systemErrorCode } from '../base/errors.ts'
import type { Paper } from './report-paper.ts'
import type { Session } from './session.ts'

export const outputOptions = {
  format: z.enum(['text', 'json', 'html']).optional(),
  output: z.string().optional(),
}

export interface OutputOptions {
  readonly format?: 'text' | 'json' | 'html' | undefined
  readonly output?: string | undefined
}

/** The same report in each of its forms. */
export interface Renderings<T> {
  readonly text: (paper: Paper, report: T) => string
  readonly html: (report: T) => string
}

export function addOutputOptions(command: Command): Command {
  command.option('-o, --output <file>', 'write it to this file (mode 0600)')
  return command.addOption(
    command
      .createOption('--format <format>', 'what it is written as (default: text)')
      .choices(['text', 'json', 'html']),
  )
}

/** For a file. */
const PLAIN: Paper = { columns: 120, colors: picocolors.createColors(false) }

export function output<T>(
  { terminal, shared }: Pick<Session, 'terminal' | 'shared'>,
  { format = shared.json ? 'json' : 'text', output: file }: OutputOptions,
  { report, renderings }: { readonly report: T; readonly renderings: Renderings<T> },
): void {
  if (format === 'html' && file === undefined && terminal.isPrintingToPerson)
    throw new Failure('usage_invalid', 'HTML is for a file: add -o report.html')
  const paper = file === undefined ? terminal : PLAIN
  const text = {
    text: () => renderings.text(paper, report),
    json: () => JSON.stringify(report, undefined, 2),
    html: () => renderings.html(report),
  }[format]()
  if (file === undefined) {
    terminal.print(text)
    return
  }
  writePrivate(resolve(terminal.workingDirectory, file), `${text}\n`)
  terminal.note(`written to ${file}`)
}

/** What an earlier report left readable for others is made private before anything is written. */
function writePrivate(path: string, text: string): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants
  try {
    const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
    try {
      fchmodSync(file, 0o600)
      writeFileSync(file, text)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    const code = systemErrorCode(error) ?? 'failed'
    throw new Failure('usage_invalid', `the report cannot be written to that file (${code})`)
  }
}
