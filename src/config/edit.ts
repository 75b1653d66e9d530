/** Changes to the configuration's text that leave its comments, order and style alone. */

import { isCollection, isSeq, parseDocument, type Document } from 'yaml'
import { isRecord } from './overrides.ts'

export type SettingsEdit =
  | { readonly path: readonly string[]; readonly set: unknown }
  /** Only where nothing stands yet. */
  | { readonly path: readonly string[]; readonly preset: unknown }
  /** Into a list, once. */
  | { readonly path: readonly string[]; readonly include: string }
  | { readonly path: readonly string[]; readonly remove: true }

const NEW_FILE = `# apistronghold: what agents may reach, and where the credentials for it are kept.
# No secrets stand here: this file belongs into git. Every setting: docs/configuration.md
version: 1
`

/** The text after the edits; the same text, to the byte, when they change nothing. */
export function editSettings(text: string, edits: readonly SettingsEdit[]): string {
  const document = parseDocument(text.trim() === '' ? NEW_FILE : text, { prettyErrors: false })
  // A text with mistakes is left as it is: whoever reads it next lists them.
  if (document.errors.length > 0) return text
  let isChanged = text.trim() === ''
  for (const edit of edits) if (applyEdit(document, edit)) isChanged = true
  if (!isChanged) return text
  return document.toString({ lineWidth: 0, flowCollectionPadding: false })
}

/** Says whether it changed anything. */
function applyEdit(document: Document, edit: SettingsEdit): boolean {
  const { path } = edit
  if ('remove' in edit) return document.hasIn(path) && document.deleteIn(path)
  if ('include' in edit) return includeIn(document, path, edit.include)
  const wanted = 'set' in edit ? edit.set : edit.preset
  const present = plainAt(document, path)
  if ('preset' in edit && present !== undefined && present !== null) return false
  if (JSON.stringify(present) === JSON.stringify(wanted)) return false
  openPath(document, path)
  document.setIn(path, isFlowing(wanted) ? flowing(document, wanted) : wanted)
  return true
}

function plainAt(document: Document, path: readonly string[]): unknown {
  const node: unknown = document.getIn(path)
  return isCollection(node) ? node.toJSON() : node
}

/** `production:` with nothing after it is null, which cannot take members. */
function openPath(document: Document, path: readonly string[]): void {
  for (let depth = 1; depth < path.length; depth += 1) {
    const above = path.slice(0, depth)
    if (document.getIn(above) === null) document.deleteIn(above)
  }
}

function includeIn(document: Document, path: readonly string[], item: string): boolean {
  const list: unknown = document.getIn(path)
  if (!isSeq(list)) {
    openPath(document, path)
    document.setIn(path, flowing(document, [item]))
    return true
  }
  if (list.toJSON().includes(item)) return false
  list.add(document.createNode(item))
  return true
}

/** Lists and small maps stand on one line, as in the reference. */
function isFlowing(value: unknown): boolean {
  return Array.isArray(value) || isRecord(value)
}

function flowing(document: Document, value: unknown) {
  return document.createNode(value, { flow: true })
}
