/**
 * Every setting of an environment also as a variable: `data.listen` is APISTRONGHOLD_DATA_LISTEN.
 * Lists, maps and `services` as a whole are written in YAML's one-line form, as `{a: b}`.
 */

import { parse } from 'yaml'
import { z } from 'zod'
import { environmentSchema } from './schema.ts'

export interface SettingPath {
  readonly path: readonly string[]
  readonly variable: string
  readonly schema: z.ZodType
}

export type Variables = Readonly<Record<string, string | undefined>>

/** All settings of an environment; sections are walked into, lists and maps are not. */
export function settingPaths(): SettingPath[] {
  return leavesOf(environmentSchema, [])
}

function leavesOf(schema: z.ZodObject, above: readonly string[]): SettingPath[] {
  return Object.entries(schema.shape).flatMap(([name, member]) => {
    const path = [...above, name]
    const inner = unwrap(member as z.ZodType) // a shape holds nothing else
    if (inner instanceof z.ZodObject) return leavesOf(inner, path)
    return [{ path, variable: variableOf(path), schema: inner }]
  })
}

export function unwrap(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional ? unwrap(schema.unwrap() as z.ZodType) : schema
}

function variableOf(path: readonly string[]): string {
  return `APISTRONGHOLD_${path.join('_').toUpperCase()}`
}

/** The environment's settings with what the variables say in place of what the file says. */
export function applyOverrides(
  settings: unknown,
  variables: Variables,
): { readonly settings: unknown; readonly applied: readonly SettingPath[] } {
  const applied = settingPaths().filter(({ variable }) => (variables[variable] ?? '') !== '')
  const merged = applied.reduce<unknown>(
    (result, { path, variable, schema }) =>
      replaceAt(result, path, readVariable(variables[variable] ?? '', schema)),
    settings,
  )
  return { settings: merged, applied }
}

function readVariable(text: string, schema: z.ZodType): unknown {
  const isPlainText = !(
    schema instanceof z.ZodBoolean ||
    schema instanceof z.ZodArray ||
    schema instanceof z.ZodRecord
  )
  if (isPlainText) return text
  try {
    return parse(text, { prettyErrors: false, logLevel: 'error' })
  } catch {
    return text // no list or map: the schema says what it should be
  }
}

function replaceAt(target: unknown, path: readonly string[], value: unknown): unknown {
  const [name, ...rest] = path
  if (name === undefined) return value
  const members = isRecord(target) ? target : {}
  return { ...members, [name]: replaceAt(members[name], rest, value) }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
