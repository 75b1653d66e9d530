/**
 * A credential in a header: Bearer, Basic, `x-api-key`, whatever the format says.
 *
 * A header of the same name goes first: the upstream must not have to choose between two.
 */

import { err, ok, type Result } from '../base/result.ts'
import type { HeaderPair, InjectionProblem, Step } from './outgoing.ts'
import type { Fields, Template } from './template.ts'

export interface HeaderPlace {
  readonly name: string
  readonly template: Template
  /** Leaves the request alone when the credential lacks a field. */
  readonly optional: boolean
}

/** RFC 9110 5.5: visible characters, with spaces and tabs inside only; latin-1 on the wire. */
const FIELD_VALUE = /^[\x21-\x7e\xa1-\xff](?:[\t\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa1-\xff])?$/

export function injectHeader({ name, template, optional }: HeaderPlace): Step {
  const lowerName = name.toLowerCase()
  // A credential serves many requests: what was filled and checked once lives as long as it does.
  const made = new WeakMap<Fields, Result<HeaderPair, InjectionProblem>>()
  return (outgoing, fields) => {
    let header = made.get(fields)
    if (header === undefined) {
      header = makeHeader({ name, template }, fields)
      made.set(fields, header)
    }
    if (header.ok) {
      const headers = outgoing.headers.filter(([other]) => !isNamed(other, lowerName))
      headers.push(header.value)
      return ok({ headers, path: outgoing.path, query: outgoing.query })
    }
    return optional && header.error.reason === 'field_missing' ? ok(outgoing) : header
  }
}

function makeHeader(
  { name, template }: Pick<HeaderPlace, 'name' | 'template'>,
  fields: Fields,
): Result<HeaderPair, InjectionProblem> {
  const filled = template.fill(fields)
  if (!filled.ok) return err({ reason: 'field_missing', field: filled.error.missing })
  if (!FIELD_VALUE.test(filled.value))
    return err({ reason: 'value_unusable', place: `header ${name.toLowerCase()}` })
  return ok([name, filled.value])
}

/** Compares lengths first: nearly all names differ there already. */
function isNamed(name: string, lowerName: string): boolean {
  return name.length === lowerName.length && name.toLowerCase() === lowerName
}
