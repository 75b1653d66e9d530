/**
 * What a writer signed last, in a file that is no part of its log: whoever can write to the log alone
 * can neither put an older checkpoint there nor add records behind a clean end.
 *
 * The file keeps its length and is written in place, so that a full disk takes it too.
 */

import { dirname } from 'node:path'
import type { DerivedFile, JournalFiles } from './files.ts'

export interface Sealed {
  /** The newest checkpoint, a signed note; empty before the first. */
  readonly note: string
  /** The writer ended well, and everything it had written was signed for. */
  readonly isClosed: boolean
}

/** Longer than any checkpoint. */
const LENGTH = 1024

export function readSeal(files: JournalFiles, path: string | undefined): Sealed | undefined {
  const text = path === undefined ? undefined : files.read(path)?.toString('utf8')
  const [, state, note = ''] = /^(open|closed)\n([^]*)$/.exec(text ?? '') ?? []
  if (state === undefined) return undefined
  return { note: note.trim() === '' ? '' : `${note.trimEnd()}\n`, isClosed: state === 'closed' }
}

export class Seal {
  readonly #files: JournalFiles
  readonly #path: string
  #file: DerivedFile | undefined

  constructor(files: JournalFiles, path: string) {
    this.#files = files
    this.#path = path
  }

  /** On disk before any record is: what comes from now on need not be signed yet. */
  begin(note: string): void {
    const directory = dirname(this.#path)
    this.#files.makeDirectory(directory)
    this.#writeDurably({ note, isClosed: false })
    this.#files.syncDirectory(directory)
    this.#file = this.#files.openDerived(this.#path)
  }

  update(note: string): void {
    this.#file?.write(format({ note, isClosed: false }), 0)
  }

  close(note: string): void {
    this.#file?.close()
    this.#file = undefined
    this.#writeDurably({ note, isClosed: true })
  }

  #writeDurably(sealed: Sealed): void {
    const file = this.#files.open(this.#path)
    try {
      file.write([format(sealed)], 0)
    } finally {
      file.close()
    }
  }
}

function format({ note, isClosed }: Sealed): Buffer {
  const text = Buffer.from(`${isClosed ? 'closed' : 'open'}\n${note}`)
  return Buffer.concat([text, Buffer.alloc(Math.max(LENGTH - text.length, 0), '\n')])
}
