/** What the figures were measured on and with. */

import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import type { TemporaryDirectory } from '../test/support/temporary.ts'
import { versionOf } from './installed.ts'
import { median } from './percentile.ts'

export interface Machine {
  readonly measuredOn: string
  readonly processor: string
  readonly cores: number
  readonly kernel: string
  readonly isPinned: boolean
  readonly versions: Readonly<Record<string, string>>
  /** What the audit's disk itself takes. */
  readonly syncP50Ms: number
}

export function describeMachine(isPinned: boolean, directory: TemporaryDirectory): Machine {
  return {
    measuredOn: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    isPinned,
    versions: versions(),
    syncP50Ms: medianSyncMs(directory),
  }
}

const REST_MS = 500

function versions(): Record<string, string> {
  const found = {
    node: process.versions.node,
    openssl: process.versions.openssl,
    nginx: versionOf('nginx', '-v'),
    haproxy: versionOf('haproxy', '-v'),
    caddy: versionOf('caddy', 'version'),
    'http-proxy': packageVersion('http-proxy'),
    undici: packageVersion('undici'),
  }
  return Object.fromEntries(
    Object.entries(found).filter((each): each is [string, string] => each[1] !== undefined),
  )
}

function packageVersion(name: string): string {
  const file = join(import.meta.dirname, '..', 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

function medianSyncMs(directory: TemporaryDirectory): number {
  const file = openSync(directory.write('sync', ''), 'w')
  const times = Array.from({ length: 101 }, () => {
    writeSync(file, 'x'.repeat(512))
    const startedAt = performance.now()
    fdatasyncSync(file)
    return performance.now() - startedAt
  })
  closeSync(file)
  return Number(median(times).toFixed(3))
}

/** Share of all cores that is used at present, 0 to 1; asked while the benchmark rests. */
export async function otherLoad(): Promise<number> {
  const before = busy()
  await new Promise((resolve) => setTimeout(resolve, REST_MS))
  const after = busy()
  return (after.used - before.used) / (after.all - before.all)
}

function busy(): { readonly used: number; readonly all: number } {
  const sums = { used: 0, all: 0 }
  for (const { times } of cpus()) {
    const used = times.user + times.nice + times.sys + times.irq
    sums.used += used
    sums.all += used + times.idle
  }
  return sums
}
