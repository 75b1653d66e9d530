/**
 * Checkpoints that were kept elsewhere: a signed note, several one after the other, what the command
 * line keeps of a server, or what GET /v1/audit/checkpoint answers.
 */

import { z } from 'zod'
import { parseCheckpoint, parseNote } from '../audit/note.ts'
import { err, ok, type Result } from '../base/result.ts'

export interface KeptFile {
  /** For people. */
  readonly name: string
  readonly text: string
}

export interface KeptCheckpoints {
  readonly notes: readonly KeptNote[]
  /** C2SP verifier key, where the file has one. */
  readonly publicKey: string | undefined
  /** What a command found wrong with the server when it kept them. */
  readonly doubts: readonly KeptDoubt[]
  /** A crash tore the last note while it was written: it is left out. */
  readonly isTorn: boolean
}

export interface KeptDoubt {
  readonly source: string
  readonly origin: string | undefined
  readonly message: string
  readonly at: number
}

export interface KeptNote {
  readonly source: string
  readonly origin: string
  readonly note: string
}

const note = z.object({ note: z.string() })
const kept = z.object({
  publicKey: z.string().optional(),
  logs: z.record(z.string(), note.extend({ earlier: z.array(note).optional() })).optional(),
  checkpoints: z.array(note).optional(),
  doubts: z
    .array(z.object({ origin: z.string().optional(), message: z.string(), at: z.int() }))
    .optional(),
})

/** A note: lines, an empty line, lines of signatures. */
const NOTES = /(?:[^\n]+\n)+\n(?:\u2014 [^\n]+\n)+/g
const BEGINNING = 'apistronghold/'
/** The beginning of one that `audit anchor` writes, which may end inside of any line. */
const TORN =
  /^apistronghold\/[^\n]*(?:\n\d{0,16}(?:\n[0-9A-Za-z+/]{0,43}=?(?:\n\n(?:\u2014[^\n]*|\ufffd*))?)?)?$/

/** Refused, in words, when there is no checkpoint in it or something else besides, but for a torn end. */
export function parseKept({ name, text }: KeptFile): Result<KeptCheckpoints, string> {
  const found = text.trimStart().startsWith('{') ? fromJson(text) : fromNotes(text)
  const notes = found?.notes.flatMap((one) => {
    const parsed = parseNote(one)
    const checkpoint = parsed && parseCheckpoint(parsed.text)
    return checkpoint ? [{ source: name, origin: checkpoint.origin, note: one }] : []
  })
  if (!found || !notes || notes.length === 0 || notes.length < found.notes.length)
    return err('holds no signed checkpoints')
  const doubts = found.doubts.map((doubt) => ({ origin: undefined, ...doubt, source: name }))
  return ok({ ...found, notes, doubts })
}

interface Found {
  readonly notes: readonly string[]
  readonly doubts: NonNullable<z.output<typeof kept>['doubts']>
  readonly publicKey: string | undefined
  readonly isTorn: boolean
}

function fromJson(text: string): Found | undefined {
  const { success, data } = kept.safeParse(parseJson(text))
  if (!success) return undefined
  const logs = Object.values(data.logs ?? {}).flatMap((log) => [...(log.earlier ?? []), log])
  const notes = [...logs, ...(data.checkpoints ?? [])]
  const { publicKey, doubts = [] } = data
  return { notes: notes.map((one) => one.note), publicKey, doubts, isTorn: false }
}

function fromNotes(text: string): Found | undefined {
  const rest = text.replace(NOTES, '').trim()
  const isTorn = rest !== '' && isBegun(rest) && text.trimEnd().endsWith(rest)
  if (rest !== '' && !isTorn) return undefined
  return { notes: text.match(NOTES) ?? [], publicKey: undefined, doubts: [], isTorn }
}

const isBegun = (rest: string): boolean => BEGINNING.startsWith(rest) || TORN.test(rest)

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
