/** Reads the shared corpora, which lie beside the checkout and are never copied into it. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** One case of a corpus; its README says which keys a corpus has. */
export type Row = Readonly<Record<string, unknown>>

const ROOT = join(import.meta.dirname, '..', '..', '..', 'shared', 'corpora')

/**
 * The rows of `operations/stripe`, `http/wpt-urls`, `crypto/jws`, ...; undefined, and said aloud,
 * when this checkout has no corpora beside it.
 */
export function readCorpus(name: string): Row[] | undefined {
  const path = join(ROOT, `${name}.jsonl`)
  if (!existsSync(path)) {
    process.emitWarning(`corpus ${name} is not here: its tests are skipped`)
    return undefined
  }
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row)
}
