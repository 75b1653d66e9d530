/** Which of a service's forms a stored credential has. */

import type { CredentialForm, MintRule } from '../../catalog/service.ts'
import type { Fields } from './mint.ts'

export type MintingForm = CredentialForm & { readonly mint: MintRule }

export const isMinting = (form: CredentialForm): form is MintingForm => form.mint !== undefined

/** Undefined for a credential that goes into requests as it is stored. */
export function mintingFormOf(
  fields: Fields,
  forms: readonly CredentialForm[],
): MintingForm | undefined {
  const form = forms.find((candidate) => isComplete(fields, candidate))
  return form && isMinting(form) ? form : undefined
}

function isComplete(stored: Fields, { fields }: CredentialForm): boolean {
  return fields.every(({ name, optional }) => optional || stored.has(name))
}
