/**
 * `operation_rules`: which scope an operation's key (`s3:GetObject`) needs, by globs over it, and which
 * ones some of its parameters need beside that.
 */

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

/** A scope that some parameters ask for in addition. */
interface Extra extends KeyRule {
  /** In lower case. */
  readonly parameters: ReadonlySet<string>
}

type Definitions = NonNullable<ServiceDefinition['operation_rules']>

export interface KeyRules {
  /** Undefined where no rule is for it. */
  readonly scopeOf: (key: string) => Scope | undefined
  /** Scopes that a request needs beside, for its parameters: `IamInstanceProfile.Name`. */
  readonly extrasOf: (key: string, parameters: readonly string[]) => readonly Scope[]
  readonly allowsRanges: (key: string) => boolean
  readonly problems: readonly Problem[]
}

export function compileKeyRules(
  definitions: Definitions,
  scopes: ReadonlyMap<string, Scope>,
): KeyRules {
  const problems: Problem[] = []
  const rules: KeyRule[] = []
  const extras: Extra[] = []
  const ranged = definitions.flatMap(({ ranges, ops }) => (ranges ? ops.map(piecesOf) : []))
  for (const [index, { scope: name, ops, with: names }] of definitions.entries()) {
    const scope = scopes.get(name)
    const path = ['operation_rules', index, 'scope']
    if (!scope) problems.push({ path, message: `there is no scope "${name}"` })
    else if (!names) rules.push(...ops.map((text) => compileRule(text, scope)))
    else {
      const parameters = new Set(names.map((text) => text.toLowerCase()))
      extras.push(...ops.map((text) => ({ ...compileRule(text, scope), parameters })))
    }
  }
  return {
    scopeOf: rememberingScopes(rules),
    extrasOf: (key, parameters) => decideExtras(extras, key, parameters),
    allowsRanges: (key) => ranged.some((pieces) => covers({ pieces }, key)),
    problems,
  }
}

/** A name counts in any case, and as any part of a longer one. */
function decideExtras(
  extras: readonly Extra[],
  key: string,
  parameters: readonly string[],
): readonly Scope[] {
  const fitting = extras.filter((extra) => covers(extra, key))
  if (fitting.length === 0) return []
  const said = parameters.flatMap((name) => name.toLowerCase().split(/[^a-z0-9]+/))
  return fitting
    .filter((extra) => said.some((name) => extra.parameters.has(name)))
    .map(({ scope }) => scope)
}

function compileRule(text: string, scope: Scope): KeyRule {
  const pieces = piecesOf(text)
  return { pieces, rank: pieces.join('').length + (text.startsWith('*') ? 0 : NAMED), scope }
}

const piecesOf = (text: string): readonly string[] => text.split(/\*+/)

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

/** Whether a glob, in pieces, fits a key. */
export function covers({ pieces }: Pick<KeyRule, 'pieces'>, key: string): boolean {
  return pieces.length === 1 ? pieces[0] === key : globMatches(pieces, key)
}
