/** A service file's text as data, with the line of every part, so that mistakes can be shown. */

import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml'
import type { Document, Node } from 'yaml'
import { err, ok, type Result } from '../base/result.ts'

export interface CatalogFile {
  /** As mistakes should name it. */
  readonly path: string
  readonly text: string
}

/** One mistake in a file, or in the settings, which have no lines here. */
export interface CatalogMistake {
  readonly file: string
  readonly line: number | undefined
  readonly message: string
}

/** Where something stands in the data: keys and indexes from the top. */
export type DataPath = readonly PropertyKey[]

export interface ParsedFile {
  readonly path: string
  readonly data: unknown
  /** Line of the part, or of the nearest part around it that exists. */
  lineOf(path: DataPath): number
}

const MAX_CHARACTERS = 1024 * 1024

/** Reads the text; YAML's own mistakes (indentation, duplicate keys) come out with their lines. */
export function parseYamlFile(file: CatalogFile): Result<ParsedFile, readonly CatalogMistake[]> {
  if (file.text.length > MAX_CHARACTERS)
    return err([{ file: file.path, line: undefined, message: 'is larger than 1 MiB' }])
  const lines = new LineCounter()
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false })
  const lineAt = (offset: number) => lines.linePos(offset).line
  const mistakes = [
    ...document.errors.map(({ message, pos }) => ({
      at: pos[0],
      message: `is not YAML: ${message}`,
    })),
    ...prototypeKeys(document).map((at) => ({ at, message: 'may not have the key "__proto__"' })),
  ]
  if (mistakes.length > 0)
    return err(mistakes.map(({ at, message }) => ({ file: file.path, line: lineAt(at), message })))
  const data = toData(document)
  if (!data) return err([{ file: file.path, line: 1, message: 'has an alias that leads nowhere' }])
  return ok({
    path: file.path,
    data: data.value,
    lineOf: (path) => lineAt(offsetOf(document, path)),
  })
}

/** Undefined for aliases without an anchor, around in a circle, or too many (YAML bombs). */
function toData(document: Document): { readonly value: unknown } | undefined {
  try {
    const value: unknown = document.toJS({ maxAliasCount: 50 })
    JSON.stringify(value)
    return { value }
  } catch {
    return undefined
  }
}

/** Where the one key stands that JavaScript's objects treat unlike all others (AD-03). */
function prototypeKeys(document: Document): readonly number[] {
  const offsets: number[] = []
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key) && key.value === '__proto__') offsets.push(startOf(key))
    },
  })
  return offsets
}

function offsetOf(document: Document, path: DataPath): number {
  let node: unknown = document.contents
  let offset = 0
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document)
    const found = childOf(node, key)
    if (!found) break
    offset = found.offset
    node = found.node
  }
  return offset
}

function childOf(parent: unknown, key: PropertyKey): { node: unknown; offset: number } | undefined {
  if (isSeq(parent)) {
    const node = parent.items[Number(key)]
    return isNode(node) ? { node, offset: startOf(node) } : undefined
  }
  if (!isMap(parent)) return undefined
  const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
  return pair && isNode(pair.key) ? { node: pair.value, offset: startOf(pair.key) } : undefined
}

const startOf = (node: Node): number => node.range?.[0] ?? 0
