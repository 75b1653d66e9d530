/** The index's file and what fills it, opened together: closed and opened again after any trouble. */

import type { KeyedFinding } from '../../insight/alert.ts'
import type { Watch } from '../../insight/watch.ts'
import {
  openIndexDatabase,
  removeIndexFiles,
  type IndexDatabase,
  type IndexFile,
} from './database.ts'
import { Filler } from './filler.ts'
import { LineReader } from './line-reader.ts'
import { missingRecords } from './presence.ts'
import { Records } from './records.ts'
import { Sweeper } from './sweeper.ts'

export interface OpenIndexParts extends IndexFile {
  /** The journal's: one directory for each writer. */
  readonly directory: string
  /** Judges each record once, in the order of time; goes on from what was learnt before. */
  readonly createWatch: (learnt: ReadonlyMap<string, unknown>) => Watch
}

const MOST_MISSING = 20

export class OpenIndex {
  readonly database: IndexDatabase
  readonly records: Records
  readonly #parts: OpenIndexParts
  readonly #lines: LineReader
  #filler: Filler
  #sweeper: Sweeper
  #isBuilt: boolean

  constructor(parts: OpenIndexParts) {
    this.#parts = parts
    this.database = openIndexDatabase(parts)
    try {
      this.#begin()
      this.#isBuilt = this.#meta('is_built') === 1
      this.#lines = new LineReader(parts.directory)
      this.records = new Records(this.database, this.#lines)
      this.#filler = this.#createFiller()
      this.#sweeper = this.#createSweeper()
    } catch (error) {
      this.database.close()
      throw error
    }
  }

  /** A batch. `isAtEnd` when everything is in that was written. */
  fill(): { readonly isAtEnd: boolean; readonly found: readonly KeyedFinding[] } {
    if (!this.#filler.look()) this.#forgetStale()
    const filled = this.#filler.fill()
    if (filled.isAtEnd && !this.#isBuilt) {
      this.#isBuilt = true
      this.database.run("UPDATE meta SET value = 1 WHERE name = 'is_built'")
    }
    return filled
  }

  /** Brings the index in line with what the journal has now, a step; true when there is more to do. */
  sweep(): boolean {
    return this.#sweeper.step()
  }

  status() {
    const oldestAt = this.#time('SELECT min(time) AS time FROM record')
    const retiredBefore = this.#meta('retired_before')
    // Until it was built once, what says that others were retired may not be in it.
    const missing = this.#isBuilt ? this.#filler.presences().flatMap(missingRecords) : []
    return {
      records: this.#meta('records'),
      newestAt: this.#time('SELECT max(time) AS time FROM record'),
      ...(oldestAt !== undefined && { oldestAt }),
      ...(retiredBefore > 0 && { retiredBefore }),
      ...(missing.length > 0 && { missing: missing.slice(0, MOST_MISSING) }),
      behindBytes: this.#filler.behindBytes(),
      isRebuilding: !this.#isBuilt,
    }
  }

  findings(): readonly KeyedFinding[] {
    const rows = this.database.all('SELECT value FROM finding')
    // As the filler wrote them.
    return rows.map(({ value }) => JSON.parse(String(value)) as KeyedFinding)
  }

  acknowledge(keys: readonly string[]): void {
    const json = JSON.stringify(keys)
    this.database.run('DELETE FROM finding WHERE key IN (SELECT value FROM json_each(?))', json)
  }

  /** An empty index in the place of this one; what was found and not taken over stays. */
  rebuilt(): OpenIndex {
    const findings = this.database.all('SELECT key, value FROM finding')
    this.close()
    removeIndexFiles(this.#parts.path)
    const index = new OpenIndex(this.#parts)
    for (const { key = '', value = '' } of findings)
      index.database.run('INSERT INTO finding VALUES (?, ?)', key, value)
    return index
  }

  close(): void {
    this.#sweeper.close()
    this.#filler.close()
    this.#lines.close()
    this.database.close()
  }

  /** What the journal took back may have been replaced by other lines: read again from there on. */
  #forgetStale(): void {
    while (this.#sweeper.forgetOne());
    this.#sweeper.close()
    this.#filler.close()
    this.#filler = this.#createFiller()
    this.#sweeper = this.#createSweeper()
  }

  #createSweeper(): Sweeper {
    const { directory, log } = this.#parts
    return new Sweeper({ directory, log, filler: this.#filler, lines: this.#lines })
  }

  #createFiller(): Filler {
    const rows = this.database.all('SELECT subject, value FROM learnt')
    const learnt = rows.map(
      ({ subject, value }) => [String(subject), JSON.parse(String(value)) as unknown] as const,
    )
    return new Filler({
      ...{ database: this.database, directory: this.#parts.directory },
      watch: this.#parts.createWatch(new Map(learnt)),
      startedAt: this.#meta('started_at'),
    })
  }

  #begin(): void {
    const beginnings = { started_at: Date.now(), is_built: 0, records: 0, retired_before: 0 }
    for (const [name, value] of Object.entries(beginnings))
      this.database.run('INSERT OR IGNORE INTO meta VALUES (?, ?)', name, value)
  }

  #time(sql: string): number | undefined {
    const time = this.database.get(sql)?.['time']
    return typeof time === 'number' ? time : undefined
  }

  #meta(name: string): number {
    return Number(this.database.get('SELECT value FROM meta WHERE name = ?', name)?.['value'])
  }
}
