/**
 * What making a batch of records durable costs, way by way: how the file is written, and on which
 * side of the event loop. `node bench/commit.ts [directory]`; the directory's disk is measured.
 */

import {
  closeSync,
  constants,
  fdatasyncSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const COMMITS = 400
const LINE_BYTES = 900
const CHUNK_BYTES = 1024 * 1024
const DURABLE = constants.O_WRONLY | constants.O_CREAT | constants.O_DSYNC
const PLAIN = constants.O_WRONLY | constants.O_CREAT

interface Way {
  readonly name: string
  /** Makes a file at `path` and returns how a batch is made durable there, and how to leave. */
  readonly begin: (path: string) => {
    write: (bytes: Buffer, position: number) => unknown
    end: () => unknown
  }
}

const SYNCHRONOUS: readonly Way[] = [
  {
    name: 'O_DSYNC, appending',
    begin(path) {
      const file = openSync(path, DURABLE)
      return {
        write: (bytes, position) => writeSync(file, bytes, 0, bytes.length, position),
        end: () => {
          closeSync(file)
        },
      }
    },
  },
  {
    name: 'O_DSYNC, over zeros',
    begin(path) {
      const file = openSync(path, DURABLE)
      let zeros = 0
      return {
        write(bytes, position) {
          while (position + bytes.length > zeros) {
            writeSync(file, Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, zeros)
            zeros += CHUNK_BYTES
          }
          writeSync(file, bytes, 0, bytes.length, position)
        },
        end: () => {
          closeSync(file)
        },
      }
    },
  },
  {
    name: 'write, fdatasync',
    begin(path) {
      const file = openSync(path, PLAIN)
      return {
        write(bytes, position) {
          writeSync(file, bytes, 0, bytes.length, position)
          fdatasyncSync(file)
        },
        end: () => {
          closeSync(file)
        },
      }
    },
  },
]

async function measure(directory: string, way: Way, lines: number) {
  const bytes = Buffer.alloc(lines * LINE_BYTES, 'x')
  const path = join(directory, `${way.name}-${lines}`)
  const { write, end } = way.begin(path)
  const times: number[] = []
  const before = process.cpuUsage()
  for (let commit = 0; commit < COMMITS; commit++) {
    const started = performance.now()
    await write(bytes, commit * bytes.length)
    times.push(performance.now() - started)
  }
  const { user, system } = process.cpuUsage(before)
  await end()
  times.sort((a, b) => a - b)
  return {
    cpu: (user + system) / COMMITS,
    p50: times[COMMITS >> 1]!,
    p99: times[Math.floor(COMMITS * 0.99)]!,
  }
}

const ASYNC: Way = {
  name: 'O_DSYNC, thread pool',
  begin(path) {
    const file = open(path, DURABLE)
    return {
      write: async (bytes, position) => (await file).write(bytes, 0, bytes.length, position),
      end: async () => (await file).close(),
    }
  },
}

const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'apistronghold-bench-'))
try {
  for (const way of [...SYNCHRONOUS, ASYNC])
    for (const lines of [1, 4, 16, 64]) {
      const { cpu, p50, p99 } = await measure(directory, way, lines)
      console.log(
        `${way.name.padEnd(22)} ${String(lines).padStart(3)} lines  ${cpu.toFixed(1).padStart(6)} us CPU  ${(p50 * 1000).toFixed(0).padStart(5)} us p50 ${(p99 * 1000).toFixed(0).padStart(6)} us p99`,
      )
    }
} finally {
  rmSync(directory, { recursive: true })
}
