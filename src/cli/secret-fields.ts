/** The fields of a credential from what the operator gives: one value, several options, or a dialogue. */

import { Failure } from '../base/errors.ts'
import type { FieldShape, ParsedFields } from '../secret/parse-fields.ts'
import { Secret } from '../secret/secret.ts'
import type { Dialogue } from './dialogue.ts'
import { gatherFields, readFields, type SecretPurpose } from './sealing.ts'
import { readSecret, takeSecret } from './secret-input.ts'
import type { Terminal } from './terminal.ts'

/** `given` are the `--field name=source` options. */
export async function inputFields(
  terminal: Terminal,
  purpose: SecretPurpose,
  given: readonly string[] | undefined,
): Promise<ParsedFields> {
  if (given !== undefined) return await optionFields(terminal, purpose, given)
  const required = requiredFields(purpose)
  if (terminal.isInteractive && required.length > 1)
    return gatherFields(purpose, await askFields(terminal.dialogue, purpose, required))
  return readFields(purpose, await readSecret(terminal, `Value for ${purpose.name}`))
}

/** All fields that the preferred form cannot do without. */
export function requiredFields({ shape: { forms } }: SecretPurpose): readonly FieldShape[] {
  return (forms[0]?.fields ?? []).filter(({ optional }) => !optional)
}

export async function askFields(
  dialogue: Dialogue,
  { name }: SecretPurpose,
  fields: readonly FieldShape[],
): Promise<ReadonlyMap<string, Secret>> {
  const values = new Map<string, Secret>()
  for (const field of fields) {
    const question = `${name}: ${field.name}`
    const value = await (field.secret ? dialogue.hide(question) : dialogue.type(question))
    values.set(field.name, new Secret(value))
  }
  return values
}

async function optionFields(
  terminal: Terminal,
  purpose: SecretPurpose,
  given: readonly string[],
): Promise<ParsedFields> {
  const values = new Map<string, Secret>()
  if (given.filter((option) => option.endsWith('=-')).length > 1)
    throw new Failure('usage_invalid', 'only one field can come from standard input')
  for (const option of given) {
    const [name = '', ...rest] = option.split('=')
    const source = rest.join('=')
    if (values.has(name)) throw new Failure('usage_invalid', `the field ${name} was given twice`)
    values.set(name, await fieldValue(terminal, purpose, { name, source }))
  }
  return gatherFields(purpose, values)
}

/** What is no secret, as an account id, may stand in the argument itself. */
async function fieldValue(
  terminal: Terminal,
  { shape }: SecretPurpose,
  { name, source }: { readonly name: string; readonly source: string },
): Promise<Secret> {
  if (source === '-' || /^(?:env|file):/.test(source)) return await takeSecret(terminal, source)
  const field = shape.forms.flatMap(({ fields }) => fields).find((known) => known.name === name)
  if (field && !field.secret) return new Secret(source)
  throw new Failure('usage_invalid', `--field ${name} takes -, env:NAME or file:PATH, not a value`)
}
