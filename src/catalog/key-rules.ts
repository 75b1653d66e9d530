/** `operation_rules`: which scope an operation's key (`s3:GetObject`) needs, by globs over it. */

import type { Problem } from './host.ts'
import { globMatches } from './path.ts'
import { isRiskier } from './risk.ts'
import type { ServiceDefinition } from './schema.ts'
import type { Scope } from './service.ts'

interface KeyRule {
  readonly pieces: readonly string[]
  /** Letters that it spells; whether they begin with the service counts more than any number. */
  readonly rank: number
  readonly scope: Scope
}

type Definitions = NonNullable<ServiceDefinition['operation_rules']>

export interface KeyRules {
  /** Undefined where no rule is for it. */
  readonly scopeOf: (key: string) => Scope | undefined
  readonly problems: readonly Problem[]
}

export function compileKeyRules(
  definitions: Definitions,
  scopes: ReadonlyMap<string, Scope>,
): KeyRules {
  const problems: Problem[] = []
  const rules = definitions.flatMap(({ scope: name, ops }, index) => {
    const scope = scopes.get(name)
    if (scope) return ops.map((text) => compileRule(text, scope))
    const path = ['operation_rules', index, 'scope']
    problems.push({ path, message: `there is no scope "${name}"` })
    return []
  })
  return { scopeOf: rememberingScopes(rules), problems }
}

function compileRule(text: string, scope: Scope): KeyRule {
  const pieces = text.split(/\*+/)
  return { pieces, rank: pieces.join('').length + (text.startsWith('*') ? 0 : NAMED), scope }
}

const NAMED = 1000
const MAX_REMEMBERED = 4096

/** Of the rules that match, those that name the service, then those with the most letters; of those, the most dangerous. */
function rememberingScopes(rules: readonly KeyRule[]): (key: string) => Scope | undefined {
  const known = new Map<string, Scope | undefined>()
  return (key) => {
    if (known.has(key)) return known.get(key)
    if (known.size >= MAX_REMEMBERED) known.clear()
    const scope = decideScope(rules, key)
    known.set(key, scope)
    return scope
  }
}

function decideScope(rules: readonly KeyRule[], key: string): Scope | undefined {
  let best: KeyRule | undefined
  for (const rule of rules) {
    if (!covers(rule, key)) continue
    const isBetter =
      !best ||
      rule.rank > best.rank ||
      (rule.rank === best.rank && isRiskier(rule.scope.risk, best.scope.risk))
    if (isBetter) best = rule
  }
  return best?.scope
}

function covers({ pieces }: KeyRule, key: string): boolean {
  return pieces.length === 1 ? pieces[0] === key : globMatches(pieces, key)
}
