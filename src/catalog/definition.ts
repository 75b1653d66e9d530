/** Service files checked against the schema and laid over one another (`extends`). */

import type { z } from 'zod'
import { nearest } from '../base/nearest.ts'
import { err, ok, type Result } from '../base/result.ts'
import { extensionSchema, serviceSchema, type ServiceDefinition } from './schema.ts'
import {
  parseYamlFile,
  type CatalogFile,
  type CatalogMistake,
  type DataPath,
  type ParsedFile,
} from './yaml-file.ts'

/** A complete definition, and where each of its parts was written. */
export interface LocatedDefinition {
  readonly definition: ServiceDefinition
  mistakeAt(path: DataPath, message: string): CatalogMistake
}

type PartialDefinition = z.output<typeof extensionSchema>

interface CheckedFile {
  readonly file: ParsedFile
  readonly content: ServiceDefinition | PartialDefinition
}

/** Lists that an extension adds to; everything else that it says replaces what was there. */
const ADDED = ['rules', 'operation_rules', 'tripwires', 'guards', 'aliases'] as const

/** Reads all files. The mistakes of all of them come out together. */
export function readDefinitions(files: readonly CatalogFile[]): {
  readonly definitions: ReadonlyMap<string, LocatedDefinition>
  readonly mistakes: readonly CatalogMistake[]
} {
  const mistakes: CatalogMistake[] = []
  const checked = new Map<string, CheckedFile>()
  for (const source of files) {
    const file = checkFile(source)
    if (!file.ok) {
      mistakes.push(...file.error)
      continue
    }
    const { id } = file.value.content
    const other = checked.get(id)
    if (!other) checked.set(id, file.value)
    else
      mistakes.push(
        mistakeIn(
          file.value.file,
          ['id'],
          `"${id}" is defined in ${other.file.path} already; use another id and "extends: ${id}" to change it`,
        ),
      )
  }
  const definitions = new Map<string, LocatedDefinition>()
  for (const id of checked.keys()) {
    const whole = complete(id, checked, [])
    if (whole.ok) definitions.set(id, whole.value)
    else mistakes.push(...whole.error)
  }
  return { definitions, mistakes }
}

function checkFile(source: CatalogFile): Result<CheckedFile, readonly CatalogMistake[]> {
  const file = parseYamlFile(source)
  if (!file.ok) return file
  const { data } = file.value
  const isExtension = typeof data === 'object' && data !== null && 'extends' in data
  const content = (isExtension ? extensionSchema : serviceSchema).safeParse(data)
  if (content.success) return ok({ file: file.value, content: content.data })
  return err(content.error.issues.map((issue) => schemaMistake(file.value, issue)))
}

function schemaMistake(file: ParsedFile, issue: z.core.$ZodIssue): CatalogMistake {
  const [key] = issue.code === 'unrecognized_keys' ? issue.keys : []
  const path = key === undefined ? issue.path : [...issue.path, key]
  const isMissing = key === undefined && valueAt(file.data, issue.path) === undefined
  const place = formatPath(issue.path)
  const message = isMissing ? `is missing: ${issue.message}` : issue.message
  return mistakeIn(file, path, place === '' ? message : `${place}: ${message}`)
}

function valueAt(data: unknown, path: DataPath): unknown {
  let value = data
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.entries(value).find(([name]) => name === String(key))?.[1]
  }
  return value
}

function mistakeIn(file: ParsedFile, path: DataPath, message: string): CatalogMistake {
  return { file: file.path, line: file.lineOf(path), message }
}

/** `rules[2].match[0]`. */
export function formatPath(path: DataPath): string {
  return path
    .map((key, index) =>
      typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`,
    )
    .join('')
}

function complete(
  id: string,
  checked: ReadonlyMap<string, CheckedFile>,
  below: readonly string[],
): Result<LocatedDefinition, readonly CatalogMistake[]> {
  const here = checked.get(id)
  if (!here) return err([])
  const { file, content } = here
  const { extends: baseId } = content
  if (baseId === undefined) {
    // Without `extends` the file was checked against the whole schema.
    const definition = content as ServiceDefinition
    return ok({ definition, mistakeAt: (path, message) => located(file, path, message) })
  }
  if (!checked.has(baseId)) {
    const near = nearest(baseId, checked.keys())
    const hint = near === undefined ? '' : `; did you mean "${near}"?`
    return err([mistakeIn(file, ['extends'], `there is no service "${baseId}"${hint}`)])
  }
  if ([...below, id].includes(baseId))
    return err([mistakeIn(file, ['extends'], `"${id}" extends itself`)])
  const base = complete(baseId, checked, [...below, id])
  return base.ok ? ok(overlay(base.value, here)) : err([])
}

const located = (file: ParsedFile, path: DataPath, message: string): CatalogMistake =>
  mistakeIn(file, path, `${formatPath(path)}: ${message}`)

function overlay(base: LocatedDefinition, { file, content }: CheckedFile): LocatedDefinition {
  const { definition } = base
  const merged = {
    ...definition,
    ...content,
    scopes: { ...definition.scopes, ...content.scopes },
    ...(definition.apis && { apis: { ...definition.apis, ...content.apis } }),
    ...Object.fromEntries(
      ADDED.map((key) => [key, [...(definition[key] ?? []), ...(content[key] ?? [])]]),
    ),
  }
  return {
    // Both halves passed the schema, and the base is complete.
    definition: merged as ServiceDefinition,
    mistakeAt(path, message) {
      const own = ownPath(path, definition, content)
      return own ? located(file, own, message) : base.mistakeAt(path, message)
    },
  }
}

const isMerged = (key: PropertyKey): key is 'scopes' | 'apis' => key === 'scopes' || key === 'apis'

/** The path within the extension's own file; undefined when the base wrote that part. */
function ownPath(
  path: DataPath,
  base: ServiceDefinition,
  content: CheckedFile['content'],
): DataPath | undefined {
  const [key = '', index = '', ...rest] = path
  const added = ADDED.find((name) => name === key)
  if (added !== undefined && typeof index === 'number') {
    const own = index - (base[added] ?? []).length
    return own < 0 ? undefined : [added, own, ...rest]
  }
  if (isMerged(key)) return Object.hasOwn({ ...content[key] }, index) ? path : undefined
  return Object.hasOwn(content, key) ? path : undefined
}
