/** How a service's credential may be held in this build, and whether that is enough to use it. */

import { err, ok, type Result } from '../base/result.ts'
import { compileExpression } from './pattern.ts'
import { compileMint, FIELDS_BY_GRANT, type MintPlace } from './mint.ts'
import type {
  CredentialDefinition,
  FieldDefinition,
  FormDefinition,
  ServiceDefinition,
} from './schema.ts'
import type { CredentialField, CredentialForm, Support } from './service.ts'

/** `{secret}` in `inject` is the value itself: the stored one, or what is minted from it. */
const ONE_SECRET: readonly FieldDefinition[] = [{ name: 'secret', secret: true }]

const definitionsOf = (credential: CredentialDefinition): readonly FormDefinition[] =>
  credential.any_of ?? (credential.type === undefined ? [] : [definitionOf(credential)])

function definitionOf({ type = 'api_key', fields, mint }: CredentialDefinition): FormDefinition {
  return { type, fields, mint }
}

/**
 * The forms that can be used now, preferred first. Where every form mints tokens, one that the
 * operator got elsewhere does as well.
 */
export function compileForms(
  credential: CredentialDefinition,
  place: MintPlace,
): Result<readonly CredentialForm[], string> {
  const forms: CredentialForm[] = []
  for (const definition of definitionsOf(credential)) {
    const form = compileForm(definition, place)
    if (!form.ok) return form
    forms.push(form.value)
  }
  const isMintedOnly = forms.length > 0 && forms.every(({ mint }) => mint !== undefined)
  return ok(isMintedOnly ? [...forms, ACCESS_TOKEN] : forms)
}

const ACCESS_TOKEN: CredentialForm = {
  type: 'access_token',
  fields: [{ name: 'secret', secret: true, optional: false }],
}

function compileForm(definition: FormDefinition, place: MintPlace): Result<CredentialForm, string> {
  const { type } = definition
  const mint = compileMint(definition, place)
  if (!mint.ok) return mint
  const fields: CredentialField[] = []
  for (const one of definition.fields ?? FIELDS_BY_GRANT.get(type) ?? ONE_SECRET) {
    const field = compileField(one)
    if (!field.ok) return field
    fields.push(field.value)
  }
  return ok({ type, fields, ...(mint.value && { mint: mint.value }) })
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
  forms: readonly CredentialForm[],
): Support {
  if ((definition.rules ?? definition.operation_rules ?? []).length === 0)
    return { ready: false, why: 'it takes GraphQL documents only, which are not judged yet' }
  const minted = forms.filter(({ mint }) => mint).map(({ type }) => type)
  return minted.length === 0
    ? { ready: true }
    : { ready: true, note: `mints short-lived tokens (${minted.join(', ')})` }
}
