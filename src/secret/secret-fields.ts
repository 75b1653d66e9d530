/** Which values of a credential are secret: the others stand in many an honest request. */

import type { FormShape } from './parse-fields.ts'
import type { Secret } from './secret.ts'

/** By the forms that the catalogue knows; a field named `secret` is one whatever they say. */
export function secretFieldsOf(
  fields: ReadonlyMap<string, Secret>,
  forms: readonly Pick<FormShape, 'fields'>[],
): readonly Secret[] {
  const secrets = new Set<Secret>()
  // What was minted has this name, whatever the stored fields are called.
  const own = fields.get('secret')
  if (own) secrets.add(own)
  for (const form of forms)
    for (const { name, secret: isSecret } of form.fields) {
      const secret = isSecret ? fields.get(name) : undefined
      if (secret) secrets.add(secret)
    }
  return [...secrets]
}
