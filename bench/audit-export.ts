/**
 * What `audit export` of a whole month takes, against a running server, and the memory of both.
 *
 *     node bench/audit-export.ts [rows] [--save]
 *
 * Rows are requests and refusals of 30 days. `--save` keeps the figures for docs/performance.md.
 */

import { spawn } from 'node:child_process'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { cleanEnvironment, COMMAND } from '../test/support/command.ts'
import { makeKey } from '../test/support/canary.ts'
import { startProxy, type ProxyProcess } from '../test/support/proxy-process.ts'
import { startUpstream } from '../test/support/upstream.ts'
import { START, writeMonth } from './audit-journal.ts'
import { keepRuns, type ExportRun } from './audit-results.ts'
import { writePage } from './page.ts'

const { values, positionals } = parseArgs({
  options: { save: { type: 'boolean' } },
  allowPositionals: true,
})
const ROWS = Number(positionals[0] ?? 1_000_000)
const FORMATS = ['jsonl', 'csv', 'ocsf'] as const
const MONTH = new Date(START).toISOString().slice(0, 7)
const SAMPLE_MS = 50

/** Resident; 0 for a process that has ended. */
function megabytesOf(pid: number): number {
  try {
    const [, kilobytes = '0'] =
      /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Math.round(Number(kilobytes) / 1024)
  } catch {
    return 0
  }
}

async function untilIndexed(proxy: ProxyProcess): Promise<void> {
  for (;;) {
    const { index } = await proxy.client().audit.status()
    if (!index.isRebuilding && index.behindBytes === 0 && index.records >= ROWS) return
    await setTimeout(500)
  }
}

async function exportAs(proxy: ProxyProcess, format: string): Promise<ExportRun> {
  const directory = proxy.directory.path
  const serverBeforeMegabytes = megabytesOf(proxy.pid)
  const args = ['audit', 'export', '--month', MONTH, '--format', format, '-o', `month.${format}`]
  const started = performance.now()
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd: directory,
    env: cleanEnvironment(directory),
    stdio: 'ignore',
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  let [serverMegabytes, commandMegabytes] = [0, 0]
  const timer = setInterval(() => {
    serverMegabytes = Math.max(serverMegabytes, megabytesOf(proxy.pid))
    commandMegabytes = Math.max(commandMegabytes, megabytesOf(child.pid ?? 0))
  }, SAMPLE_MS)
  const code = await ended
  clearInterval(timer)
  if (code !== 0) throw new Error(`audit export ended with ${code ?? 'a signal'}`)
  const seconds = Number(((performance.now() - started) / 1000).toFixed(1))
  const path = join(directory, `month.${format}`)
  const megabytes = Math.round(statSync(path).size / 1e6)
  rmSync(path)
  const memory = { serverBeforeMegabytes, serverMegabytes, commandMegabytes }
  return { records: ROWS, format, megabytes, seconds, ...memory }
}

const upstream = await startUpstream()
const proxy = await startProxy({
  services: [{ id: 'stripe', secret: makeKey('sk_live_'), upstream }],
})
try {
  await proxy.end('SIGTERM')
  writeMonth(join(proxy.stateDirectory, 'audit'), ROWS, 'march')
  await proxy.restart('SIGTERM')
  await untilIndexed(proxy)
  const exports: Record<string, ExportRun> = {}
  for (const format of FORMATS) {
    const run = await exportAs(proxy, format)
    exports[`${format} ${ROWS}`] = run
    console.log(`${format}: ${run.megabytes} MB in ${run.seconds} s, ${JSON.stringify(run)}`)
  }
  if (values.save) {
    keepRuns({ exports })
    writePage()
  }
} finally {
  await proxy.stop()
  await upstream.close()
}
