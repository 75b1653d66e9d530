/** `response_secrets` that name operations by globs over their keys: where their answers carry secrets. */

import { parseSecretField, type SecretField } from './answer-secrets.ts'
import type { Problem } from './host.ts'
import { covers } from './key-rules.ts'
import type { ServiceDefinition } from './schema.ts'

type Definitions = NonNullable<ServiceDefinition['response_secrets']>

export interface KeySecrets {
  readonly fieldsOf: (key: string) => readonly SecretField[] | undefined
  readonly problems: readonly Problem[]
}

export function compileKeySecrets(definitions: Definitions): KeySecrets {
  const problems: Problem[] = []
  const rules = definitions.flatMap(({ ops = [], fields: texts }, index) => {
    if (ops.length === 0) return []
    const fields = texts.flatMap((text, at) => {
      const parsed = parseSecretField(text)
      if (parsed.ok) return [parsed.value]
      problems.push({ path: ['response_secrets', index, 'fields', at], message: parsed.error })
      return []
    })
    return ops.map((text) => ({ pieces: text.split(/\*+/), fields }))
  })
  return {
    fieldsOf(key) {
      const found = rules.filter((rule) => covers(rule, key))
      return found.length === 0 ? undefined : found.flatMap(({ fields }) => fields)
    },
    problems,
  }
}
