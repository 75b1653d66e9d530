/** From settings as written to settings as meant, or every mistake in them at once. */

import { z } from 'zod'
import { nearest } from '../base/nearest.ts'
import { looksLikeRealCredential } from '../secret/looks-real.ts'
import { isRecord, unwrap } from './overrides.ts'
import { checkEnvironment, type PathMistake } from './rules.ts'
import { fileSchema, type FileSettings } from './schema.ts'

export interface Checked {
  /** Present when there is no mistake. */
  readonly settings: FileSettings | undefined
  readonly mistakes: readonly PathMistake[]
}

/** `services` are the ids of the catalogue; undefined when they are not known. */
export function checkSettings(value: unknown, services?: ReadonlySet<string>): Checked {
  const parsed = fileSchema.safeParse(value)
  const mistakes = (parsed.error?.issues ?? []).flatMap((issue) => wordIssue(issue, value))
  // What is well-formed is judged further, so that one look at the answer is enough.
  const sound = parsed.data ?? fileSchema.safeParse(withoutMistakes(value, mistakes)).data
  if (sound) mistakes.push(...checkMeaning(sound, services))
  return { settings: mistakes.length === 0 ? parsed.data : undefined, mistakes }
}

function checkMeaning(
  { environments, default_env: preferred }: FileSettings,
  services: ReadonlySet<string> | undefined,
): PathMistake[] {
  const mistakes = Object.entries(environments).flatMap(([name, settings]) =>
    checkEnvironment(name, settings, services).map((mistake) => ({
      ...mistake,
      path: ['environments', name, ...mistake.path],
    })),
  )
  if (preferred !== undefined && !Object.hasOwn(environments, preferred)) {
    const message = 'default_env names no environment of this file'
    mistakes.push({ path: ['default_env'], at: 'value', message })
  }
  return mistakes
}

/** The value without what the mistakes point at. */
function withoutMistakes(value: unknown, mistakes: readonly PathMistake[]): unknown {
  const copy = structuredClone(isRecord(value) ? value : {})
  // From the end, so that the places of a list keep their numbers.
  for (const { path } of mistakes.toReversed()) {
    const parent = path.slice(0, -1).reduce<unknown>(memberOf, copy)
    const last = path.at(-1)
    if (last === undefined || typeof parent !== 'object' || parent === null) continue
    if (Array.isArray(parent)) parent.splice(Number(last), 1)
    else Reflect.deleteProperty(parent, last)
  }
  return { version: 1, environments: {}, ...copy }
}

function memberOf(value: unknown, name: PropertyKey): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined
}

function wordIssue(issue: z.core.$ZodIssue, value: unknown): PathMistake[] {
  const { path, message } = issue
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      return { path: [...path, key], at: 'key', message: wordUnknownKey(key, path) }
    })
  }
  if (issue.code === 'invalid_key') {
    const problem = issue.issues[0]?.message ?? message
    return [{ path, at: 'key', message: `this name ${problem}` }]
  }
  const name = path.slice(path[0] === 'environments' ? 2 : 0).join('.') || 'the file'
  const isMissing = path.reduce<unknown>(memberOf, value) === undefined
  const words = isMissing ? `is missing: it ${message}` : message
  return [{ path, at: 'value', message: `${name}: ${words}` }]
}

function wordUnknownKey(key: string, path: readonly PropertyKey[]): string {
  if (looksLikeRealCredential(key) !== undefined) return 'this is not the name of a setting'
  const close = nearest(key, namesAt(path))
  const hint = close === undefined ? '' : `; did you mean "${close}"?`
  return `there is no setting "${key.slice(0, 60)}" here${hint}`
}

/** The settings that may stand at this place. */
function namesAt(path: readonly PropertyKey[]): string[] {
  const schema = path.reduce<z.ZodType | undefined>(schemaOf, fileSchema)
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
}

function schemaOf(parent: z.ZodType | undefined, name: PropertyKey): z.ZodType | undefined {
  if (parent instanceof z.ZodRecord) return unwrap(parent.valueType as z.ZodType) // we made it of one
  if (!(parent instanceof z.ZodObject)) return undefined
  const member = (parent.shape as Readonly<Record<PropertyKey, z.ZodType>>)[name]
  return member && unwrap(member)
}
