/**
 * Roots over runs of a writer's records, from the hashes beside its segments. Each hash is read and
 * hashed once: the roots of whole blocks, and of whole trees of them, stay in memory (some 32 bytes for
 * a thousand records).
 */

import { hash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { systemErrorCode } from '../../base/errors.ts'
import { consistencyRanges, splitOf } from '../../audit/tlog-ranges.ts'
import { Frontier, HASH_BYTES } from './frontier.ts'
import { hashesPath, listHashes } from './segment.ts'

/** So many are hashed in one turn: about two milliseconds. */
const BLOCK = 2048

export class LeafRoots {
  readonly #directory: string
  readonly #roots = new Map<string, Buffer>()
  #last: Promise<unknown> = Promise.resolve()

  /** Of one writer. */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** From one size to a larger one; undefined where a hash is missing. One after the other. */
  path(from: number, to: number): Promise<readonly Buffer[] | undefined> {
    const path = this.#last.then(() => this.#path(from, to))
    this.#last = path.catch(() => undefined)
    return path
  }

  async #path(from: number, to: number): Promise<readonly Buffer[] | undefined> {
    const hashes = new HashFiles(this.#directory, await listHashes(this.#directory))
    const path: Buffer[] = []
    try {
      for (const [start, end] of from === to ? [] : consistencyRanges(from, to)) {
        const root = await this.#root(hashes, start, end)
        if (!root) return undefined
        path.push(root)
      }
      return path
    } finally {
      await hashes.close()
    }
  }

  async #root(hashes: HashFiles, from: number, to: number): Promise<Buffer | undefined> {
    const count = to - from
    const isKept = count >= BLOCK && Number.isInteger(Math.log2(count))
    const name = `${from} ${to}`
    const known = this.#roots.get(name)
    if (known) return known
    const root =
      count <= BLOCK ? await blockRoot(hashes, from, to) : await this.#joined(hashes, from, to)
    if (isKept && root) this.#roots.set(name, root)
    return root
  }

  async #joined(hashes: HashFiles, from: number, to: number): Promise<Buffer | undefined> {
    const middle = from + splitOf(to - from)
    const left = await this.#root(hashes, from, middle)
    const right = left && (await this.#root(hashes, middle, to))
    return right && hash('sha256', Buffer.concat([INNER, left, right]), 'buffer')
  }
}

const INNER = Buffer.from([1])

async function blockRoot(hashes: HashFiles, from: number, to: number): Promise<Buffer | undefined> {
  const leaves = await hashes.read(from, to)
  if (!leaves) return undefined
  const tree = new Frontier()
  for (let at = 0; at < leaves.length; at += HASH_BYTES)
    tree.append(leaves.subarray(at, at + HASH_BYTES))
  return tree.root()
}

/** All of a writer's, as one row; the file that was read last stays open. */
class HashFiles {
  readonly #directory: string
  readonly #firsts: readonly number[]
  #open: { readonly first: number; readonly file: FileHandle } | undefined

  constructor(directory: string, firsts: readonly number[]) {
    this.#directory = directory
    this.#firsts = firsts
  }

  /** Of the leaves from one index, counted from 0, up to another; undefined unless all are there. */
  async read(from: number, to: number): Promise<Buffer | undefined> {
    const hashes = Buffer.allocUnsafe((to - from) * HASH_BYTES)
    for (let at = from; at < to;) {
      const index = this.#firsts.findLastIndex((first) => first <= at + 1)
      const first = this.#firsts[index]
      if (first === undefined) return undefined
      const end = Math.min(to, (this.#firsts[index + 1] ?? Number.MAX_SAFE_INTEGER) - 1)
      const part = hashes.subarray((at - from) * HASH_BYTES, (end - from) * HASH_BYTES)
      if (!(await this.#fill(part, first, (at + 1 - first) * HASH_BYTES))) return undefined
      at = end
    }
    return hashes
  }

  async close(): Promise<void> {
    await this.#open?.file.close()
    this.#open = undefined
  }

  async #fill(part: Buffer, first: number, position: number): Promise<boolean> {
    const file = await this.#fileOf(first)
    if (!file) return false
    const { bytesRead } = await file.read(part, 0, part.length, position)
    return bytesRead === part.length
  }

  async #fileOf(first: number): Promise<FileHandle | undefined> {
    if (this.#open?.first === first) return this.#open.file
    await this.close()
    try {
      const file = await open(hashesPath(this.#directory, first), 'r')
      this.#open = { first, file }
      return file
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }
}
