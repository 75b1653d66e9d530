/** Looks for a secret in bytes: as it is, and in every form that a careless program would write. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomBase62 } from '../../src/base/bytes.ts'

/** A value that looks like a vendor's real key; made up anew each time, so no scanner complains. */
export function makeKey(prefix: string): string {
  return `${prefix}${randomBase62(32)}`
}

/** The needles for a secret, by the name of their form. */
export function formsOf(secret: string): ReadonlyMap<string, Buffer> {
  const bytes = Buffer.from(secret)
  const hex = bytes.toString('hex')
  const forms = new Map<string, string>([
    ['plain', secret],
    ['hex', hex],
    ['upper-case hex', hex.toUpperCase()],
    ['percent', hex.replace(/../g, '%$&')],
    ['upper-case percent', hex.toUpperCase().replace(/../g, '%$&')],
  ])
  for (const offset of [0, 1, 2]) {
    forms.set(`base64 at offset ${offset}`, base64Core(bytes, offset, 'base64'))
    forms.set(`base64url at offset ${offset}`, base64Core(bytes, offset, 'base64url'))
  }
  const needles = [...forms].map(([form, text]) => [form, Buffer.from(text)] as const)
  return new Map([...needles, ['UTF-16', Buffer.from(secret, 'utf16le')]])
}

/** The characters that depend on the secret alone, whatever stands before and after it. */
function base64Core(bytes: Buffer, offset: number, encoding: 'base64' | 'base64url'): string {
  const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString(encoding)
  const start = Math.ceil((offset * 8) / 6)
  const end = Math.floor(((offset + bytes.length) * 8) / 6)
  return text.slice(start, end)
}

/** Names of the forms in which the secret stands in `text`; empty is good. */
export function findSecret(text: string | Buffer, secret: string): string[] {
  const haystack = Buffer.from(text)
  return [...formsOf(secret)].flatMap(([form, needle]) => (haystack.includes(needle) ? form : []))
}

/** Searches every file below a directory; each find is "path: form". */
export function findInDirectory(directory: string, secret: string): string[] {
  return filesBelow(directory).flatMap((file) =>
    findSecret(readFileSync(file), secret).map((form) => `${file}: ${form}`),
  )
}

export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
