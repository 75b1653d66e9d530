/** A YAML text as plain values that still know where in the text they stand. */

import { isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml'
import { looksLikeRealCredential } from '../secret/looks-real.ts'
import type { Mistake, Place } from './mistake.ts'

export interface SettingsDocument {
  readonly value: unknown
  /** What is wrong with the text itself: syntax, duplicate keys, secrets in it. */
  readonly mistakes: readonly Mistake[]
  /** Where the value stands, or the nearest thing around it; `key` asks for its name instead. */
  locate(path: readonly PropertyKey[], at?: 'value' | 'key'): Place
}

const OWN_TOKEN = /(?:pt|mt|ok)_(?:live|test)_[0-9A-Za-z]{36}/
const PASSWORD_IN_URL = /^[a-z][a-z0-9+.-]*:\/\/[^/@\s:]*:[^/@\s]+@/i

export function readDocument(text: string): SettingsDocument {
  const lines = new LineCounter()
  // `prettyErrors` would quote the text, and what stands there may be a secret.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: false })
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const mistakes: Mistake[] = [...document.errors, ...document.warnings].map((error) => ({
    place: placeAt(error.pos[0]),
    message: wordSyntax(error.code),
    about: error.code === 'DUPLICATE_KEY' ? 'text' : 'syntax',
  }))
  visit(document, {
    Scalar: (_key, { value, range }) => {
      if (typeof value === 'string' && isSecretText(value))
        mistakes.push({ place: placeAt(range?.[0] ?? 0), message: SECRET_FOUND, about: 'text' })
    },
    Pair: (_key, { key }) => {
      // The schema never sees this name, because objects treat it as their own.
      if (isScalar(key) && key.value === '__proto__')
        mistakes.push({
          place: placeAt(key.range?.[0] ?? 0),
          message: 'no setting has this name',
          about: 'text',
        })
    },
  })
  return {
    value: readValue(document),
    mistakes,
    locate: (path, at = 'value') => placeAt(offsetOf(document, path, at)),
  }
}

const SECRET_FOUND =
  'a real secret stands here: take it out, consider it leaked, and store a new one with `apistronghold secret set`'

function isSecretText(text: string): boolean {
  return (
    looksLikeRealCredential(text) !== undefined ||
    OWN_TOKEN.test(text) ||
    PASSWORD_IN_URL.test(text)
  )
}

function wordSyntax(code: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'this setting stands here twice'
    case 'TAB_AS_INDENT':
      return 'YAML is indented with spaces, not tabs'
    case 'BAD_INDENT':
      return 'the indentation does not fit'
    case 'MULTIPLE_DOCS':
      return 'one YAML document is expected, not several'
    default:
      return `not valid YAML here (${code.toLowerCase().replaceAll('_', ' ')})`
  }
}

function readValue(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: 10 })
  } catch {
    return undefined // aliases that do not resolve; the text's mistakes say so
  }
}

/** Follows the path as far as there are nodes. */
function offsetOf(
  document: Document.Parsed,
  path: readonly PropertyKey[],
  at: 'value' | 'key',
): number {
  let node: unknown = document.contents
  let offset = 0
  for (const [index, step] of path.entries()) {
    const found: { key?: unknown; value: unknown } | undefined = childOf(node, step)
    if (!found) break
    const isLast = index === path.length - 1
    offset =
      startOf(isLast && at === 'key' ? found.key : found.value) ?? startOf(found.key) ?? offset
    node = found.value
  }
  return offset
}

function childOf(node: unknown, step: PropertyKey): { key?: unknown; value: unknown } | undefined {
  if (isMap(node)) {
    return node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
  }
  if (typeof node !== 'object' || node === null || !('items' in node)) return undefined
  const { items } = node
  return Array.isArray(items) && Number(step) in items ? { value: items[Number(step)] } : undefined
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined
}
