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
import { forgetSegment } from './forget.ts'
import { LineReader } from './line-reader.ts'
import { Records } from './records.ts'

export interface OpenIndexParts extends IndexFile {
  /** The journal's: one directory for each writer. */
  readonly directory: string
  /** Judges each record once, in the order of time; goes on from what was learnt before. */
  readonly createWatch: (learnt: ReadonlyMap<string, unknown>) => Watch
}

export class OpenIndex {
  readonly database: IndexDatabase
  readonly records: Records
  readonly #parts: OpenIndexParts
  readonly #lines: LineReader
  #filler: Filler
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

  /** Removes a segment that is no longer in the journal; true when there are more of them. */
  sweep(): boolean {
    const [segment, ...others] = this.#filler.staleSegments()
    if (segment === undefined) return false
    this.#lines.close() // an open file would keep its room on the disk
    forgetSegment(this.database, segment)
    return others.length > 0
  }

  status() {
    const oldestAt = this.#time('SELECT min(time) AS time FROM record')
    const retiredBefore = this.#meta('retired_before')
    return {
      records: this.#meta('records'),
      newestAt: this.#time('SELECT max(time) AS time FROM record'),
      ...(oldestAt !== undefined && { oldestAt }),
      ...(retiredBefore > 0 && { retiredBefore }),
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
    this.#filler.close()
    this.#lines.close()
    this.database.close()
  }

  /** What the journal took back may have been replaced by other lines: read again from there on. */
  #forgetStale(): void {
    while (this.sweep());
    this.#filler.close()
    this.#filler = this.#createFiller()
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
