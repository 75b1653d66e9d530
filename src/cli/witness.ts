/**
 * Each command as a witness of the audit: it keeps the checkpoints that servers' answers carry, and
 * warns when one of them shows less than was seen before. It never lets a command fail.
 */

import {
  ApiError,
  createClient,
  type AuditCheckpoints,
  type Client,
  type ClientOptions,
} from '../../sdk/src/client.ts'
import { readCheckpoint, type SignedCheckpoint } from '../audit/signed-checkpoint.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import { ok } from '../base/result.ts'
import type { Terminal } from './terminal.ts'
import {
  keep,
  readKept,
  witnessPath,
  type Kept,
  type Sighting,
  type WitnessedServer,
} from './witness-file.ts'
import { HIDDEN, judge, judgeList, type Doubt, type Judged } from './witness-judgement.ts'
import { warningAsJson, warningInWords } from './witness-words.ts'

/** How a command was told to speak. */
interface Manner {
  readonly json?: boolean | undefined
  readonly verbose?: boolean | undefined
}

export interface Examined {
  /** Those of the log that was known, as far as they are later than what was seen. */
  readonly checkpoints: readonly SignedCheckpoint[]
  readonly doubts: readonly Doubt[]
  readonly publicKey: string
  /** As it was before. */
  readonly kept: Kept | undefined
  readonly path: string
}

export interface Witness {
  /** A client whose answers are witnessed. Throws what `createClient` throws. */
  createClient(witnessed: WitnessedServer, options: ClientOptions): Client
  /**
   * Asks for the checkpoints of all writers and judges them by what was seen before. What it finds is
   * kept, or warned of, at the end.
   */
  examine(client: Client): Promise<Examined>
  /** At the end of a command: keeps what was seen, and says what is wrong with it. Never throws. */
  settle(): Promise<void>
}

/** An answer has the checkpoint of one writer only: so often the server is asked for all. */
const LIST_MS = 3_600_000
const LIST_TIMEOUT_MS = 2000
/** For commands that go on and on. */
const SETTLE_MS = 10_000
/** No deployment has so many; a hostile server may. */
const MAX_LOGS = 1000
const UNAUTHORIZED = 401

export function createWitness(terminal: Terminal, shared: Manner): Witness {
  const watches = new Map<Client, ServerWatch>()
  let timer: NodeJS.Timeout | undefined
  const settle = async () => {
    for (const watch of watches.values()) await watch.settle()
  }
  return {
    createClient(witnessed, options) {
      const watch = new ServerWatch({ terminal, shared, witnessed, options })
      const client = createClient({
        ...options,
        onCheckpoint: (note) => {
          watch.take(note)
        },
      })
      watches.set(client, watch)
      timer ??= setInterval(() => void settle(), SETTLE_MS).unref()
      return client
    },
    async examine(client) {
      const watch = watches.get(client)
      if (!watch) throw new TypeError('a client of another witness')
      return watch.examine(await client.audit.checkpoints())
    },
    async settle() {
      clearInterval(timer)
      await settle()
    },
  }
}

interface WatchParts {
  readonly terminal: Terminal
  readonly shared: Manner
  readonly witnessed: WitnessedServer
  readonly options: ClientOptions
}

class ServerWatch {
  readonly #parts: WatchParts
  readonly #path: string
  /** As it was before the first request: answers may come in another order than they were made. */
  #kept: Kept | undefined
  #listedAt = 0
  /** Whether an answer had a checkpoint, or all were asked for. */
  #isShown = false
  /** Asked for by the command itself. */
  #listed: AuditCheckpoints | undefined
  /** What is there cannot be read, or nothing can be written. */
  #isUnusable = false
  /** The newest of each writer, until it is kept. */
  readonly #seen = new Map<string, SignedCheckpoint>()
  /** By their words. */
  readonly #doubts = new Map<string, Doubt>()
  #warned = 0

  constructor(parts: WatchParts) {
    this.#parts = parts
    this.#path = witnessPath(parts.terminal, parts.witnessed)
    this.#attempt(() => {
      this.#kept = readKept(this.#path)
      this.#listedAt = this.#kept?.listedAt ?? 0
    })
  }

  /** Before a key is known there is nothing to judge by, and all of it waits for that. */
  take(note: string): void {
    const checkpoint = readCheckpoint(note)
    if (this.#isUnusable || !checkpoint) return
    this.#isShown = true
    const judged = this.#kept ? judge(note, this.#kept) : ok(checkpoint)
    if (judged.ok) this.#see(judged.value)
    else this.#doubt(judged.error)
  }

  async settle(): Promise<void> {
    const isAnswered = this.#seen.size > 0 || this.#doubts.size > 0
    const isSilent = this.#kept !== undefined && !this.#isShown
    if (this.#isUnusable || !(isAnswered || isSilent)) return
    const at = Date.now()
    const isDue = isSilent || this.#listedAt + LIST_MS < at
    const list = this.#listed ?? (isDue ? await this.#list(isSilent) : undefined)
    this.#listed = undefined
    if (this.#doubts.size === 0) this.#keep(at, list)
    this.#warn()
  }

  examine(list: AuditCheckpoints): Examined {
    const judged = this.#takeList(list)
    this.#listed = list
    this.#isShown = true
    const { publicKey } = list
    return { ...judged, publicKey, kept: this.#kept, path: this.#path }
  }

  /** A server that is silent about what it showed before has to answer this. */
  async #list(isSilent: boolean): Promise<AuditCheckpoints | undefined> {
    this.#isShown = true
    const { options } = this.#parts
    try {
      const brief = createClient({ ...options, timeoutMs: LIST_TIMEOUT_MS })
      const list = await brief.audit.checkpoints()
      this.#takeList(list)
      return list
    } catch (error) {
      // Not of one that is down, or refuses the key: those show nothing to anybody.
      if (isSilent && error instanceof ApiError && error.status !== UNAUTHORIZED)
        this.#doubt(HIDDEN)
      return undefined // next time
    }
  }

  #takeList(list: AuditCheckpoints): Judged {
    const believed = this.#kept ?? { publicKey: list.publicKey, logs: {} }
    for (const { note } of this.#seen.values()) {
      const judged = judge(note, believed)
      if (!judged.ok) this.#doubt(judged.error)
    }
    const judged = judgeList(list, believed)
    for (const checkpoint of judged.checkpoints) this.#see(checkpoint)
    for (const doubt of judged.doubts) this.#doubt(doubt)
    return judged
  }

  /** Nothing without a key, nor beside what is in doubt. */
  #keep(at: number, list: AuditCheckpoints | undefined): void {
    const publicKey = this.#kept?.publicKey ?? list?.publicKey
    if (publicKey === undefined) return
    const checkpoints = [...this.#seen.values()]
    const sighting: Sighting = { publicKey, checkpoints, at, isWhole: list !== undefined }
    this.#attempt(() => {
      keep(this.#path, this.#parts.witnessed, sighting)
      this.#kept ??= readKept(this.#path)
      if (list) this.#listedAt = at
      this.#seen.clear()
    })
  }

  #see(checkpoint: SignedCheckpoint): void {
    const before = this.#seen.get(checkpoint.origin)
    if (!before && this.#seen.size >= MAX_LOGS) return
    if (!before || before.size < checkpoint.size) this.#seen.set(checkpoint.origin, checkpoint)
  }

  /** The first of each kind and writer. */
  #doubt(doubt: Doubt): void {
    const name = `${doubt.kind} ${doubt.origin ?? ''}`
    if (!this.#doubts.has(name)) this.#doubts.set(name, doubt)
  }

  #warn(): void {
    const { terminal, shared, witnessed } = this.#parts
    const doubts = [...this.#doubts.values()].slice(this.#warned)
    this.#warned = this.#doubts.size
    if (doubts.length === 0) return
    const warning = { server: witnessed.server, doubts, path: this.#path }
    terminal.note(shared.json ? warningAsJson(warning) : warningInWords(warning, terminal.colors))
  }

  /** A home that cannot be written is usual in containers and no news; a damaged file is. */
  #attempt(run: () => void): void {
    const { terminal, shared } = this.#parts
    try {
      run()
    } catch (error) {
      this.#isUnusable = true
      const isNews = error instanceof Failure || shared.verbose
      const why = error instanceof Failure ? error.message : (systemErrorCode(error) ?? 'failed')
      if (isNews) terminal.note(`no checkpoint of the audit is kept: ${why}`)
    }
  }
}
