/** A credential in a query field. The rest of the query stays as it is, byte for byte. */

import { err, ok } from '../base/result.ts'
import type { Step } from './outgoing.ts'
import type { Template } from './template.ts'

export function injectQuery({ field, template }: { field: string; template: Template }): Step {
  const names = new Set([field])
  return (outgoing, fields) => {
    const filled = template.fill(fields)
    if (!filled.ok) return err({ reason: 'field_missing', field: filled.error.missing })
    // A lone surrogate has no UTF-8 form, and encodeURIComponent throws on it.
    if (!filled.value.isWellFormed())
      return err({ reason: 'value_unusable', place: `query ${field}` })
    const rest = withoutFields(outgoing.query, names)
    const pair = `${encodeURIComponent(field)}=${encodeURIComponent(filled.value)}`
    const query = rest === undefined || rest === '' ? pair : `${rest}&${pair}`
    return ok({ headers: outgoing.headers, path: outgoing.path, query })
  }
}

/** Takes out every field of these names, however the name is spelled; undefined when none is left. */
export function withoutFields(
  query: string | undefined,
  names: ReadonlySet<string>,
): string | undefined {
  if (query === undefined || names.size === 0) return query
  const all = query.split('&')
  const kept = all.filter((pair) => !names.has(nameOf(pair)))
  if (kept.length === all.length) return query
  return kept.length === 0 ? undefined : kept.join('&')
}

function nameOf(pair: string): string {
  const equals = pair.indexOf('=')
  const raw = equals < 0 ? pair : pair.slice(0, equals)
  if (!/[%+]/.test(raw)) return raw
  try {
    return decodeURIComponent(raw.replaceAll('+', ' '))
  } catch {
    return raw
  }
}
