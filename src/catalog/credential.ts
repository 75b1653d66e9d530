/** How a service's credential may be held in this build, and whether that is enough to use it. */

import { err, ok, type Result } from '../base/result.ts'
import { compileExpression } from './pattern.ts'
import { MINTED_TYPES, type CredentialDefinition, type ServiceDefinition } from './schema.ts'
import type { CredentialField, CredentialForm, Support } from './service.ts'

type FormDefinition = NonNullable<CredentialDefinition['any_of']>[number]
type FieldDefinition = NonNullable<FormDefinition['fields']>[number]

/** `{secret}` in `inject` is the value itself: the stored one, or what is minted from it. */
const ONE_SECRET: readonly FieldDefinition[] = [{ name: 'secret', secret: true }]

const definitionsOf = (credential: CredentialDefinition): readonly FormDefinition[] =>
  credential.any_of ??
  (credential.type === undefined ? [] : [{ type: credential.type, fields: credential.fields }])

const isStored = ({ type }: FormDefinition): boolean => !MINTED_TYPES.includes(type)

/**
 * The forms that can be used now, preferred first. Until tokens can be minted, a service whose
 * every form mints them takes one that the operator got elsewhere.
 */
export function compileForms(
  credential: CredentialDefinition,
): Result<readonly CredentialForm[], string> {
  const definitions = definitionsOf(credential)
  const stored = definitions.filter(isStored)
  if (stored.length === 0 && definitions.length > 0)
    return compileForm({ type: 'api_key' }, 'access_token')
  const forms: CredentialForm[] = []
  for (const definition of stored) {
    const form = compileForm(definition, definition.type)
    if (!form.ok) return form
    forms.push(...form.value)
  }
  return ok(forms)
}

function compileForm(
  { fields }: FormDefinition,
  type: string,
): Result<readonly CredentialForm[], string> {
  const compiled: CredentialField[] = []
  for (const definition of fields ?? ONE_SECRET) {
    const field = compileField(definition)
    if (!field.ok) return field
    compiled.push(field.value)
  }
  return ok([{ type, fields: compiled }])
}

function compileField({
  name,
  secret,
  optional,
  pattern,
}: FieldDefinition): Result<CredentialField, string> {
  const field = { name, secret: secret ?? false, optional: optional ?? false }
  if (pattern === undefined) return ok(field)
  const expression = compileExpression(pattern)
  return expression.ok
    ? ok({ ...field, pattern: expression.value })
    : err(`field ${name} has a pattern that ${expression.error}`)
}

/** Whether this build can send requests to the service at all. */
export function supportFor(
  definition: ServiceDefinition,
  credential: CredentialDefinition,
): Support {
  const isSigned = definition.auth.inject.some((rule) => rule.in === 'sigv4')
  if (isSigned || definition.operation_rules !== undefined)
    return { ready: false, why: 'requests to it are signed (SigV4), which is not built yet' }
  if ((definition.rules ?? []).length === 0)
    return { ready: false, why: 'it takes GraphQL documents only, which are not judged yet' }
  const forms = definitionsOf(credential)
  if (forms.length === 0 || forms.some(isStored)) return { ready: true }
  const types = forms.map(({ type }) => type).join(', ')
  return {
    ready: true,
    note: `takes a static access token until tokens can be minted (${types})`,
  }
}
