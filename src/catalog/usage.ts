/** The places of a `usage` rule, taken apart once: keys, alternatives and sums. */

import type { UsageDefinition } from './schema.ts'
import type { UsageRule } from './service.ts'

export function compileUsage(definition: UsageDefinition): UsageRule {
  const { input_tokens, output_tokens, cached_tokens, amount, model, currency } = definition
  return {
    model: alternatives(model).map(keysOf),
    currency: alternatives(currency).map(keysOf),
    inputTokens: alternatives(input_tokens).map(sumOf),
    outputTokens: alternatives(output_tokens).map(sumOf),
    cachedTokens: alternatives(cached_tokens).map(sumOf),
    amount: alternatives(amount).map(sumOf),
  }
}

function alternatives(given: string | readonly string[] | undefined): readonly string[] {
  if (given === undefined) return []
  return typeof given === 'string' ? [given] : given
}

const sumOf = (text: string) => text.split(' + ').map(keysOf)

const keysOf = (text: string) => text.split('.')
