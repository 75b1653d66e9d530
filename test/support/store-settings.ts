/** Puts sections into the configuration that no command writes. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument } from 'yaml'

export function setSetting(directory: string, path: readonly string[], value: unknown): void {
  const file = join(directory, 'apistronghold.yaml')
  const document = parseDocument(readFileSync(file, 'utf8'))
  document.setIn(['environments', 'production', ...path], document.createNode(value))
  writeFileSync(file, document.toString())
}
