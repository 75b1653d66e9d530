/** A JSON object as fields: texts as they are, numbers and flags as text, the rest as JSON. */

import { Secret } from '../secret/secret.ts'

export function fieldsOfJson(
  object: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, Secret> {
  const entries = Object.entries(object).flatMap(([name, value]) => {
    if (value === null || value === undefined || value === '') return []
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return [[name, new Secret(text)] as const]
  })
  return new Map(entries)
}
