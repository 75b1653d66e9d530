/** One server's audit as a command sees it: judged by what was kept, and kept when it fits. */

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
import { isLasting, nameOf, type Doubt } from './witness-doubt.ts'
import {
  keep,
  keepDoubts,
  readKept,
  witnessPath,
  type Kept,
  type Sighting,
  type WitnessedServer,
} from './witness-file.ts'
import { proveGrowth } from './witness-growth.ts'
import { HIDDEN, judge, judgeList, type Judged } from './witness-judgement.ts'
import { reminderInWords, warningAsJson, warningInWords } from './witness-words.ts'

/** How a command was told to speak. */
export interface Manner {
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

/** An answer has the checkpoint of one writer only: so often the server is asked for all. */
const LIST_MS = 3_600_000
const LIST_TIMEOUT_MS = 2000
/** No deployment has so many; a hostile server may. */
const MAX_LOGS = 1000
const UNAUTHORIZED = 401

interface WatchParts {
  readonly terminal: Terminal
  readonly shared: Manner
  readonly witnessed: WitnessedServer
  readonly options: ClientOptions
}

export class ServerWatch {
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
  /** The newest checkpoints of which this was asked, and what they are proven to go on from. */
  readonly #grown = new Map<SignedCheckpoint, ReadonlySet<string>>()
  /** By their names. */
  readonly #doubts = new Map<string, Doubt>()
  readonly #warned = new Set<string>()

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
    if (!this.#isUnusable && (isAnswered || isSilent)) await this.#judge(isSilent)
    this.#warn()
  }

  async examine(list: AuditCheckpoints): Promise<Examined> {
    const { checkpoints } = this.#takeList(list)
    this.#listed = list
    this.#isShown = true
    await this.#proveGrowth()
    const doubts = [...this.#known(), ...this.#doubts.values()]
    const byName = new Map(doubts.toReversed().map((doubt) => [nameOf(doubt), doubt]))
    const { publicKey } = list
    const believed = checkpoints.filter(({ origin }) => !isContradicted(origin, doubts))
    const about = { publicKey, kept: this.#kept, path: this.#path }
    return { checkpoints: believed, doubts: [...byName.values()].reverse(), ...about }
  }

  async #judge(isSilent: boolean): Promise<void> {
    const at = Date.now()
    const isDue = isSilent || this.#listedAt + LIST_MS < at
    const list = this.#listed ?? (isDue ? await this.#list(isSilent) : undefined)
    this.#listed = undefined
    await this.#proveGrowth()
    const lasting = [...this.#doubts.values()].filter(isLasting)
    if (lasting.length > 0)
      this.#attempt(() => {
        keepDoubts(this.#path, lasting, at)
      })
    else if (!this.#doubts.has(nameOf(HIDDEN))) this.#keep(at, list)
  }

  /** What is in doubt stays so; else each log is asked about that has become longer. */
  async #proveGrowth(): Promise<void> {
    const isInDoubt = this.#known().length > 0 || [...this.#doubts.values()].some(isLasting)
    const kept = isInDoubt ? undefined : this.#readAgain()
    if (!kept) return
    const client = this.#briefClient()
    const startedAt = performance.now()
    for (const shown of this.#seen.values()) {
      if (this.#grown.has(shown)) continue
      if (performance.now() - startedAt > LIST_TIMEOUT_MS) return
      const growth = await proveGrowth(shown, { client, kept, now: Date.now() })
      this.#grown.set(shown, growth.proven)
      for (const doubt of growth.doubts) this.#doubt(doubt)
    }
  }

  /** As it is by now: another command may have seen more than there was before the first request. */
  #readAgain(): Kept | undefined {
    let kept: Kept | undefined
    this.#attempt(() => {
      kept = readKept(this.#path)
    })
    return kept
  }

  #known(): Kept['doubts'] {
    return this.#kept?.doubts ?? []
  }

  #briefClient(): Client {
    return createClient({ ...this.#parts.options, timeoutMs: LIST_TIMEOUT_MS })
  }

  /** A server that is silent about what it showed before has to answer this. */
  async #list(isSilent: boolean): Promise<AuditCheckpoints | undefined> {
    this.#isShown = true
    try {
      const list = await this.#briefClient().audit.checkpoints()
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
    // Of these very ones: an answer may have come in while proofs were asked for.
    const proven = new Set(checkpoints.flatMap((one) => [...(this.#grown.get(one) ?? [])]))
    const sighting: Sighting = { publicKey, checkpoints, proven, at, isWhole: list !== undefined }
    this.#attempt(() => {
      keep(this.#path, this.#parts.witnessed, sighting)
      this.#kept ??= readKept(this.#path)
      if (list) this.#listedAt = at
      this.#seen.clear()
      this.#grown.clear()
    })
  }

  #see(checkpoint: SignedCheckpoint): void {
    const before = this.#seen.get(checkpoint.origin)
    if (!before && this.#seen.size >= MAX_LOGS) return
    if (!before || before.size < checkpoint.size) this.#seen.set(checkpoint.origin, checkpoint)
  }

  /** The first of each kind and writer. */
  #doubt(doubt: Doubt): void {
    if (!this.#doubts.has(nameOf(doubt))) this.#doubts.set(nameOf(doubt), doubt)
  }

  /** Of news at length; of what an earlier command found, once and in a line. */
  #warn(): void {
    const { terminal, shared, witnessed } = this.#parts
    const { server } = witnessed
    const known = this.#known()
    const isReminder = known.length > 0 && this.#warned.size === 0
    for (const doubt of known) this.#warned.add(nameOf(doubt))
    const fresh = [...this.#doubts.values()].filter((doubt) => !this.#warned.has(nameOf(doubt)))
    for (const doubt of fresh) this.#warned.add(nameOf(doubt))
    const { colors } = terminal
    const path = this.#path
    if (shared.json && (isReminder || fresh.length > 0))
      terminal.note(
        warningAsJson({ server, doubts: [...(isReminder ? known : []), ...fresh], path }),
      )
    else {
      if (isReminder) terminal.note(reminderInWords({ server, doubts: known }, colors))
      if (fresh.length > 0) terminal.note(warningInWords({ server, doubts: fresh, path }, colors))
    }
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

/** A doubt about the key is one about all. */
const isContradicted = (origin: string, doubts: readonly Doubt[]): boolean =>
  doubts.some((doubt) => isLasting(doubt) && (doubt.origin ?? origin) === origin)
