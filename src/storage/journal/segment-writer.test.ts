import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { aRequestId, AUDIT_KEY, intentOf } from '../../../test/support/audit.ts'
import {
  createFaults,
  createFaultyFiles,
  type Fault,
  type FileOperation,
} from '../../../test/support/faulty-files.ts'
import { NOW } from '../../../test/support/grants.ts'
import { leafHashOf, rootOf } from '../../../test/support/merkle.ts'
import {
  createTemporaryDirectory,
  type TemporaryDirectory,
} from '../../../test/support/temporary.ts'
import { createLineFormat } from '../../audit/record.ts'
import { Frontier } from './frontier.ts'
import { recoverSegments } from './recovery.ts'
import { SegmentWriter } from './segment-writer.ts'
import { TreeLog } from './tree-log.ts'
import { recoverTree } from './tree-recovery.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const format = createLineFormat({
  ...{ writer: 'local', environment: 'production', key: AUDIT_KEY, pathPatterns: () => [] },
})

const faults = createFaults()
const files = createFaultyFiles(faults.memory, () => {
  throw new Error('no thread to end')
})

let temporary: TemporaryDirectory
let directory: string
let tree: Frontier
let writer: SegmentWriter

beforeEach(() => {
  temporary = createTemporaryDirectory()
  directory = join(temporary.path, 'local')
  mkdirSync(directory)
  tree = new Frontier()
  const ignored = () => undefined
  writer = new SegmentWriter({
    ...{ directory, files, format: format.segment, segmentBytes: 16_384, aheadBytes: 4096 },
    ...{ tail: undefined, previous: null, next: 1, open: [] },
    tree: new TreeLog({
      directory,
      files,
      tree,
      sign: undefined,
      publish: ignored,
      onBehind: ignored,
      ...{ unsignedMs: 5000, onUnsigned: ignored },
    }),
  })
})

afterEach(() => {
  faults.heal()
  writer.close()
  temporary.remove()
})

const write = (number: number, { time = NOW, isWanted = true } = {}): void => {
  const lines = Buffer.from(`${format.intent(intentOf(number), time)}\n`)
  writer.append({ lines, time, isBusy: false, claim: () => isWanted })
}

const lines = (): readonly string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').replace(/\0+$/, '').split('\n'))
    .filter((line) => line !== '')

const records = () =>
  lines().map((line) => JSON.parse(line) as { seq: number; kind: string; requestId: string })

/** Nothing lost, nothing else, no gap; and the tree is that of the lines. */
function expectRecords(numbers: readonly number[]): void {
  const all = records()
  expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1))
  const intents = all.filter(({ kind }) => kind === 'intent')
  expect(intents.map(({ requestId }) => requestId)).toEqual(numbers.map(aRequestId))
  expect(tree.root()).toEqual(rootOf(lines().map((line) => leafHashOf(Buffer.from(line)))))
}

/** As the writer's loop does it, until it works. */
function repaired(): void {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      writer.repair()
      return
    } catch {
      faults.heal()
    }
  }
}

const FAULTS: readonly Fault[] = ['ENOSPC', 'EIO', 'EROFS', 'short']
/** What fails in the midst of a segment, and what fails where a new one begins. */
const MIDST: readonly FileOperation[] = ['write', 'identify']
const ROTATION: readonly FileOperation[] = ['open', 'write', 'syncDirectory', 'close', 'truncate']
const REPAIR: readonly FileOperation[] = ['identify', 'truncate', 'close', 'open', 'syncDirectory']

const cases = (operations: readonly FileOperation[]) =>
  operations.flatMap((operation) => FAULTS.map((fault) => ({ operation, fault })))

it.each(cases(MIDST))('AU-02 takes back what $fault in $operation left', ({ operation, fault }) => {
  write(1)
  faults.fault(operation, fault)
  expect(() => {
    write(2)
  }).toThrow()
  faults.heal()
  repaired()
  write(3)
  expectRecords([1, 3])
})

it.each(cases(ROTATION))(
  'AU-02 goes on after $fault in $operation where a segment begins',
  ({ operation, fault }) => {
    write(1)
    faults.fault(operation, fault)
    expect(() => {
      write(2, { time: NOW + DAY_MS })
    }).toThrow()
    faults.heal()
    repaired()
    write(3, { time: NOW + DAY_MS })
    expectRecords([1, 3])
  },
)

it.each(cases(REPAIR))(
  'AU-02 goes on when $operation fails with $fault while it repairs',
  ({ operation, fault }) => {
    write(1)
    faults.fault('write', 'short')
    expect(() => {
      write(2)
    }).toThrow()
    faults.heal()
    faults.fault(operation, fault)
    repaired()
    try {
      write(3)
    } catch {
      faults.heal()
      repaired()
      write(3)
    }
    expectRecords([1, 3])
  },
)

it('AU-02 takes back what is on disk when those who waited have been told no', () => {
  write(1)
  expect(() => {
    write(2, { isWanted: false })
  }).toThrow('too late')
  repaired()
  write(3)
  expectRecords([1, 3])
})

it('writes zeros ahead, within the segment and not for each record', () => {
  const { write: before } = faults.calls
  for (const number of [1, 2, 3, 4, 5]) write(number)
  expect(faults.calls.write - before).toBe(5)
  const [name = ''] = readdirSync(directory).filter((entry) => entry.endsWith('.jsonl'))
  const bytes = readFileSync(join(directory, name))
  expect(bytes.length - bytes.indexOf(0)).toBeGreaterThan(1000)
  expect(bytes.length).toBeLessThanOrEqual(16_384)
  expectRecords([1, 2, 3, 4, 5])
})

it('AU-02 leaves records that the next start takes up, with or without a last word', async () => {
  for (const number of [1, 2, 3]) write(number)
  const found = await recoverSegments({ directory, files, acknowledged: undefined })
  expect(found).toMatchObject({ next: 5, cuts: [], open: [1, 2, 3].map(aRequestId) })
  const { frontier, finding } = await recoverTree({
    ...{ directory, files, found, sign: undefined, sealPath: undefined },
  })
  expect(frontier.root()).toEqual(tree.root())
  expect(finding).toBeUndefined()
})

it('AU-02 cuts what nobody was told of, after the thread that wrote it has ended', async () => {
  for (const number of [1, 2, 3]) write(number)
  const found = await recoverSegments({ directory, files, acknowledged: 3 })
  expect(found).toMatchObject({ next: 4, cuts: [{ segment: 1 }], open: [1, 2].map(aRequestId) })
})
