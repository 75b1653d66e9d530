/**
 * From what a store elsewhere keeps under its own names to the fields that a service asks for.
 *
 * A field that the reference names is the whole value, as a file's content would be. Otherwise the
 * service's names decide, or the names that stores usually have for them.
 */

import { err, type Result } from '../base/result.ts'
import {
  collectFields,
  parseFields,
  type CredentialShape,
  type FieldProblem,
  type FormShape,
  type ParsedFields,
} from './parse-fields.ts'
import type { Secret } from './secret.ts'

type Fields = ReadonlyMap<string, Secret>

/** What database, cloud and hand-written entries call the fields that forms know. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  secret: ['password', 'api_key', 'token', 'key', 'value'],
  username: ['user'],
  access_key_id: ['access_key'],
  secret_access_key: ['secret_key'],
  session_token: ['security_token'],
}

export function chooseFields(
  stored: Fields,
  field: string | undefined,
  shape: CredentialShape,
): Result<ParsedFields, FieldProblem> {
  if (field !== undefined) {
    const chosen = stored.get(field)
    return chosen ? parseFields(chosen, shape) : err({ problem: `has no field ${field}` })
  }
  for (const form of shape.forms) {
    const given = fieldsFor(form, stored)
    if (given) return collectFields(given, shape)
  }
  const [only, ...others] = stored.values()
  if (only && others.length === 0) return parseFields(only, shape)
  return err({
    problem: 'has fields that fit no form of the service: name one of them with #field',
  })
}

/** Undefined when something that the form cannot do without is not there. */
function fieldsFor({ fields }: FormShape, stored: Fields): Fields | undefined {
  const found = fields.flatMap(({ name }) => {
    const names = [name, ...(ALIASES[name] ?? [])]
    const value = names.map((known) => stored.get(known)).find((known) => known !== undefined)
    return value ? [[name, value] as const] : []
  })
  const given = new Map(found)
  const isComplete = fields.every(({ name, optional }) => optional || given.has(name))
  return isComplete && given.size > 0 ? given : undefined
}
