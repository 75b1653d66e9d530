/**
 * Sealed secrets that `init` left for the first start: `inbox/<name>.json`, the envelope as text.
 * `serve` stores each that is not in its database yet, then removes the file.
 */

import { existsSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isSecretName } from '../secret/names.ts'
import type { StateDirectory } from '../state-dir.ts'
import { replaceFile, syncDirectory, writeOnce } from './durable-file.ts'
import { readPrivateFile } from './privacy.ts'

export interface InboxItem {
  readonly name: string
  /** A signed envelope, always of version 1. */
  readonly envelope: string
}

/** False when one of that name waits already; it is kept. */
export function putInInbox(state: StateDirectory, { name, envelope }: InboxItem): boolean {
  return writeOnce(pathOf(state, name), `${envelope}\n`)
}

/** Puts another envelope in the place of one that waits. */
export function replaceInInbox(state: StateDirectory, { name, envelope }: InboxItem): void {
  replaceFile(pathOf(state, name), `${envelope}\n`)
}

export function readInbox(state: StateDirectory): InboxItem[] {
  return inboxNames(state).flatMap((name) => {
    const envelope = readPrivateFile(pathOf(state, name))?.trim()
    return envelope === undefined ? [] : { name, envelope }
  })
}

export function inboxNames({ inbox }: StateDirectory): string[] {
  if (!existsSync(inbox)) return []
  return readdirSync(inbox)
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .filter(isSecretName)
    .sort()
}

/** Called when the database has it for good. */
export function removeFromInbox(state: StateDirectory, name: string): void {
  rmSync(pathOf(state, name), { force: true })
  syncDirectory(state.inbox)
}

const pathOf = ({ inbox }: StateDirectory, name: string) => join(inbox, `${name}.json`)
