/**
 * A value from standard input, a file or a variable becomes the fields of a credential.
 *
 * One field: the raw value. Several: `user:secret` where the form is `basic`, else JSON. What is
 * wrong is said without quoting the value.
 */

import { err, ok, type Result } from '../base/result.ts'
import { Secret } from './secret.ts'

/** The part of a catalogue's CredentialField that matters here. */
export interface FieldShape {
  readonly name: string
  readonly secret: boolean
  readonly optional: boolean
  readonly pattern?: RegExp
}

export interface FormShape {
  readonly type: string
  readonly fields: readonly FieldShape[]
}

export interface CredentialShape {
  /** Ways to hold the credential, preferred first. Empty: one field named `secret`. */
  readonly forms: readonly FormShape[]
  /** Fields that become header values; the others may have line breaks. Absent: all of them. */
  readonly headerBound?: ReadonlySet<string>
}

export interface ParsedFields {
  readonly fields: ReadonlyMap<string, Secret>
  /** Values that are accepted but look unusual, in words without the value. */
  readonly warnings: readonly string[]
}

export interface FieldProblem {
  readonly problem: string
}

type Parsed = Result<ParsedFields, FieldProblem>

export const MAX_SECRET_BYTES = 64 * 1024

const ONE_SECRET: FormShape = {
  type: 'api_key',
  fields: [{ name: 'secret', secret: true, optional: false }],
}

/** Reads a whole value. Exactly one line break at its end is dropped: `echo` and editors add one. */
export function parseFields(input: Secret, shape: CredentialShape): Parsed {
  const text = input.reveal().replace(/\r?\n$/, '')
  const problem = wholeProblem(text)
  if (problem !== undefined) return err({ problem })
  if (text.startsWith('{')) return parseJson(text, shape)
  const forms = formsOf(shape)
  const single = forms.map(onlyRequiredField).find((field) => field !== undefined)
  if (single !== undefined) return collectFields(new Map([[single, new Secret(text)]]), shape)
  const basic = forms.find((form) => form.type === 'basic')
  if (basic !== undefined && text.includes(':')) return parseUserAndSecret(text, basic, shape)
  return err({ problem: `needs JSON with ${forms.map(describeForm).join(', or ')}` })
}

/** Checks fields that were given one by one, as `secret set --field k=-` gives them. */
export function collectFields(given: ReadonlyMap<string, Secret>, shape: CredentialShape): Parsed {
  const forms = formsOf(shape)
  const form = forms.find((candidate) => isComplete(given, candidate))
  if (form === undefined) return err({ problem: `needs ${forms.map(describeForm).join(', or ')}` })
  for (const [name, value] of given) {
    const isHeaderBound = shape.headerBound?.has(name) ?? true
    const problem = valueProblem(value.reveal(), isHeaderBound)
    if (problem !== undefined) return err({ problem: `${name} ${problem}` })
  }
  return ok({ fields: given, warnings: warningsFor(given, form) })
}

function formsOf(shape: CredentialShape): readonly FormShape[] {
  const forms = shape.forms.filter((form) => form.fields.length > 0)
  return forms.length > 0 ? forms : [ONE_SECRET]
}

function onlyRequiredField(form: FormShape): string | undefined {
  const [field, ...others] = form.fields.filter(({ optional }) => !optional)
  return others.length === 0 ? field?.name : undefined
}

/** All that is required is there, and nothing that the form does not know. */
function isComplete(given: ReadonlyMap<string, Secret>, form: FormShape): boolean {
  const known = new Set(form.fields.map(({ name }) => name))
  const required = form.fields.filter(({ optional }) => !optional)
  return (
    required.every(({ name }) => given.has(name)) && [...given.keys()].every((k) => known.has(k))
  )
}

function describeForm(form: FormShape): string {
  return form.fields.map(({ name, optional }) => (optional ? `[${name}]` : name)).join(', ')
}

function parseJson(text: string, shape: CredentialShape): Parsed {
  const needed = `needs a JSON object of texts with ${formsOf(shape).map(describeForm).join(', or ')}`
  const entries = readObject(text)?.filter(isAskedFor(text, shape))
  if (entries === undefined) return err({ problem: needed })
  const given = new Map<string, Secret>()
  for (const [name, value] of entries) {
    if (typeof value !== 'string') return err({ problem: needed })
    given.set(name, new Secret(value))
  }
  return collectFields(given, shape)
}

/** The key file of a Google service account holds much beside what signs. */
function isAskedFor(
  text: string,
  { forms }: CredentialShape,
): (entry: [string, unknown]) => boolean {
  const form = forms.find(({ type }) => type === 'google_service_account')
  if (!form || !/"type"\s*:\s*"service_account"/.test(text)) return () => true
  return ([name]) => form.fields.some((field) => field.name === name)
}

function readObject(text: string): [string, unknown][] | undefined {
  try {
    const json: unknown = JSON.parse(text)
    return typeof json === 'object' && json !== null ? Object.entries(json) : undefined
  } catch {
    return undefined
  }
}

/**
 * RFC 7617: the user is all before the first colon. A further required field that is not secret
 * takes the user's value where its pattern fits (Twilio's Account SID is also its user name).
 */
function parseUserAndSecret(text: string, form: FormShape, shape: CredentialShape): Parsed {
  const colon = text.indexOf(':')
  const user = text.slice(0, colon)
  const given = new Map([
    ['username', new Secret(user)],
    ['secret', new Secret(text.slice(colon + 1))],
  ])
  for (const field of form.fields) {
    const isOpen = !given.has(field.name) && !field.secret
    if (isOpen && field.pattern?.test(user) === true) given.set(field.name, new Secret(user))
  }
  return collectFields(given, shape)
}

function warningsFor(given: ReadonlyMap<string, Secret>, form: FormShape): string[] {
  return form.fields.flatMap(({ name, pattern }) => {
    const value = given.get(name)
    if (pattern === undefined || value === undefined || pattern.test(value.reveal())) return []
    return [`${name} does not look as expected: it should match ${pattern.source}`]
  })
}

function wholeProblem(text: string): string | undefined {
  if (text === '') return 'is empty'
  if (Buffer.byteLength(text) > MAX_SECRET_BYTES) return 'is larger than 64 KiB'
  if (text.startsWith('\uFEFF')) return 'begins with a byte order mark'
  return undefined
}

/** Header values are visible ASCII here: nothing that a parser on the way could trim or split. */
function valueProblem(value: string, isHeaderBound: boolean): string | undefined {
  const whole = wholeProblem(value)
  if (whole !== undefined) return whole
  const isSpaced = value.trim() !== value
  if (isHeaderBound && /[\r\n]/.test(value)) return 'has a line break in it'
  if (/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(value)) return 'has control characters in it'
  if (isHeaderBound && isSpaced) return 'begins or ends with white space'
  if (isHeaderBound && !/^[\x20-\x7e]+$/.test(value)) return 'has characters outside ASCII in it'
  return undefined
}
