/** What reading the audit costs: kept beside results.json, and a section of docs/performance.md. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { formatMarkdown } from './tables.ts'

const FILE = join(import.meta.dirname, 'audit-index.json')

export interface Question {
  readonly name: string
  readonly found: number
  readonly p50Ms: number
  readonly p95Ms: number
}

export interface IndexRun {
  readonly records: number
  readonly journalMegabytes: number
  readonly indexMegabytes: number
  readonly linesPerSecond: number
  readonly fillSeconds: number
  readonly questions: readonly Question[]
}

/** `audit export` of everything, from the command's start to its end. */
export interface ExportRun {
  readonly records: number
  readonly format: string
  readonly megabytes: number
  readonly seconds: number
  /** Resident, of the server before, and the most of both while it ran. */
  readonly serverBeforeMegabytes: number
  readonly serverMegabytes: number
  readonly commandMegabytes: number
}

export interface AuditResults {
  readonly machine: string
  /** By number of records. */
  readonly index: Readonly<Record<string, IndexRun>>
  readonly exports: Readonly<Record<string, ExportRun>>
}

export function readAuditResults(): AuditResults {
  if (!existsSync(FILE)) return { machine: '', index: {}, exports: {} }
  return JSON.parse(readFileSync(FILE, 'utf8')) as AuditResults
}

/** Adds a run to those that are kept, or takes the place of one of the same size. */
export function keepRuns(runs: Partial<Pick<AuditResults, 'index' | 'exports'>>): void {
  const { index, exports } = readAuditResults()
  const kept: AuditResults = {
    machine: machineWords(),
    index: { ...index, ...runs.index },
    exports: { ...exports, ...runs.exports },
  }
  writeFileSync(FILE, `${JSON.stringify(kept, undefined, 2)}\n`)
}

function machineWords(): string {
  const day = new Date().toISOString().slice(0, 10)
  const processor = cpus()[0]?.model ?? 'unknown'
  return `${day} on ${processor}, ${cpus().length} cores, Linux ${release()}, node ${process.versions.node}`
}

export function auditSection({ machine, index, exports }: AuditResults): string {
  const runs = Object.values(index).sort((one, other) => one.records - other.records)
  return `## Reading the audit

A month of requests of 30 agents, \`audit query\` as the server's index answers it, every page of each answer read. Measured ${machine},
on a machine that did other work at the same time: take the figures as upper bounds.

${formatMarkdown({ header: ['', ...runs.map(({ records }) => `${millions(records)} requests`)], rows: sizeRows(runs) })}

p50 (p95), in milliseconds, and how many records were found:

${formatMarkdown({ header: ['question', ...runs.map(({ records }) => `of ${millions(records)}`)], rows: questionRows(runs) })}
${exportSection(Object.values(exports))}`
}

function exportSection(runs: readonly ExportRun[]): string {
  if (runs.length === 0) return ''
  return `
\`audit export\` of the whole month, from the command's start to its end; memory is resident:

${formatMarkdown({ header: ['format', 'requests', 'file MB', 'seconds', 'requests/s', 'server MB before', 'server MB', 'command MB'], rows: exportRows(runs) })}
`
}

const millions = (records: number): string =>
  records < 1_000_000 ? String(records) : `${records / 1_000_000} million`

function sizeRows(runs: readonly IndexRun[]): string[][] {
  const row = (name: string, valueOf: (run: IndexRun) => string) => [name, ...runs.map(valueOf)]
  return [
    row('journal', ({ journalMegabytes }) => `${journalMegabytes} MB`),
    row('index', ({ indexMegabytes }) => `${indexMegabytes} MB`),
    row('filling it, or `audit reindex`', ({ fillSeconds }) => `${fillSeconds} s`),
    row('journal lines per second', ({ linesPerSecond }) => String(linesPerSecond)),
  ]
}

function questionRows(runs: readonly IndexRun[]): string[][] {
  const names = [...new Set(runs.flatMap(({ questions }) => questions.map(({ name }) => name)))]
  return names.map((name) => [name, ...runs.map((run) => answerOf(run, name))])
}

function answerOf({ questions }: IndexRun, wanted: string): string {
  const question = questions.find(({ name }) => name === wanted)
  if (!question) return ''
  const { p50Ms, p95Ms, found } = question
  return `${p50Ms} (${p95Ms}), ${found}`
}

function exportRows(runs: readonly ExportRun[]): string[][] {
  return runs.map((run) => [
    ...[run.format, millions(run.records), String(run.megabytes), String(run.seconds)],
    String(Math.round(run.records / run.seconds)),
    ...[run.serverBeforeMegabytes, run.serverMegabytes, run.commandMegabytes].map(String),
  ])
}
