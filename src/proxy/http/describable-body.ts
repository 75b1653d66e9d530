/** A body in the form in which the audit reads it: as what it says that it is, if all of it is there. */

import type { OtherBody, ParameterSource } from '../../audit/parameters.ts'
import { isForm } from './facts.ts'

export interface BodyType {
  readonly contentType: string | undefined
  /** It is compressed or coded in some other way. */
  readonly isCoded?: boolean
}

/** Fields are read where there are any; of everything else the audit keeps size and digest. */
export function describableBody(
  body: OtherBody,
  { contentType, isCoded = false }: BodyType,
): Pick<ParameterSource, 'form' | 'json' | 'other'> {
  const { bytes, length, isWhole } = body
  if (length === 0) return {}
  if (!isWhole || isCoded) return { other: body }
  if (isForm(contentType)) return { form: bytes }
  return contentType?.toLowerCase().includes('json') === true ? { json: bytes } : { other: body }
}
