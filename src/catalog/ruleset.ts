/** Rules, guards and tripwires of one service, compiled into what matching asks. */

import { nearest } from '../base/nearest.ts'
import type { Result } from '../base/result.ts'
import { parseSecretField, type SecretField } from './answer-secrets.ts'
import { compileCondition } from './condition.ts'
import { compileGuard, FORM_OVERRIDE_GUARD, UNIVERSAL_GUARDS, type Guard } from './guard.ts'
import { isUnder, type CompiledHost, type Problem } from './host.ts'
import { checksOf, type Addition, type Checks } from './judge.ts'
import { parseMatchLine, parseMethods, parsePaths, type Method, type PathPattern } from './path.ts'
import { compilePattern, type TextPattern } from './pattern.ts'
import { compileAlias, indexAliases, type ReadingRules } from './readings.ts'
import type { RuleDefinition, ServiceDefinition } from './schema.ts'
import type { Scope, UsageRule } from './service.ts'
import { PathTrie } from './trie.ts'
import { compileUsage } from './usage.ts'
import type { DataPath } from './yaml-file.ts'

const NO_GRAPHQL = 'GraphQL documents are not judged yet, so none is let through'
const NO_BATCHES = 'batches are not judged yet: send their parts one by one'

/** One line of an unconditional rule. */
export interface Rule {
  /** Undefined for `scope: deny`. */
  readonly scope: Scope | undefined
  /** Its full name in a list, or nothing. */
  readonly scopes: readonly string[]
  readonly hasTripwires: boolean
  readonly allowsRanges: boolean
  readonly allowsUpgrade: boolean
  readonly path: DataPath
  readonly line: string
}

interface Tripwire {
  readonly words: TextPattern
  readonly methods: ReadonlySet<Method>
  readonly scope: Scope
}

export interface BoundGuard {
  readonly guard: Guard
  readonly except: readonly PathPattern[]
}

/** A `where` rule in its place, for the checks at load. */
export interface AdditionLine {
  readonly pattern: PathPattern
  readonly path: DataPath
}

export interface Ruleset {
  readonly deciding: PathTrie<Rule>
  readonly additions: PathTrie<Addition>
  readonly guards: PathTrie<BoundGuard>
  /** Guards on every operation. */
  readonly general: Checks
  /** Paths that wait for a later build, and why. */
  readonly unsupported: PathTrie<string>
  readonly usage: PathTrie<UsageRule>
  readonly answerSecrets: PathTrie<readonly SecretField[]>
  readonly tripwires: readonly Tripwire[]
  readonly readings: ReadingRules
  readonly additionLines: readonly AdditionLine[]
}

export interface RulesetContext {
  readonly id: string
  readonly scopes: ReadonlyMap<string, Scope>
  readonly hosts: ReadonlyMap<string, CompiledHost>
}

export function compileRuleset(
  definition: ServiceDefinition,
  context: RulesetContext,
): { readonly ruleset: Ruleset; readonly problems: readonly Problem[] } {
  const builder = new RulesetBuilder(definition, context)
  builder.build()
  return { ruleset: builder, problems: builder.problems }
}

class RulesetBuilder implements Ruleset {
  readonly deciding = new PathTrie<Rule>()
  readonly additions = new PathTrie<Addition>()
  readonly guards = new PathTrie<BoundGuard>()
  readonly #everywhere: Guard[] = [...UNIVERSAL_GUARDS, FORM_OVERRIDE_GUARD]
  general = checksOf([], [])
  readonly unsupported = new PathTrie<string>()
  readonly usage = new PathTrie<UsageRule>()
  readonly answerSecrets = new PathTrie<readonly SecretField[]>()
  readonly tripwires: Tripwire[] = []
  readonly additionLines: AdditionLine[] = []
  readonly problems: Problem[] = []
  readings: ReadingRules = { aliases: new Map(), suffixes: [] }
  readonly #definition: ServiceDefinition
  readonly #context: RulesetContext

  constructor(definition: ServiceDefinition, context: RulesetContext) {
    this.#definition = definition
    this.#context = context
  }

  build(): void {
    const { rules = [], guards = [], aliases = [], tripwires = [] } = this.#definition
    const { path_suffixes: pathSuffixes = [] } = this.#definition
    for (const [index, rule] of rules.entries()) this.#addRule(rule, ['rules', index])
    for (const [index, guard] of guards.entries()) this.#addGuard(guard, ['guards', index])
    for (const [index, wire] of tripwires.entries()) this.#addTripwire(wire, ['tripwires', index])
    const compiled = aliases.flatMap(
      (alias, index) => this.#checked(compileAlias(alias), ['aliases', index]) ?? [],
    )
    this.readings = { aliases: indexAliases(compiled), suffixes: pathSuffixes }
    this.#addUnsupported()
    this.#addUsage()
    this.#addAnswerSecrets()
    this.general = checksOf([], this.#everywhere)
  }

  #addRule(rule: RuleDefinition, path: DataPath): void {
    const isDeny = rule.scope === 'deny'
    const scope = isDeny ? undefined : this.#scope(rule.scope, [...path, 'scope'])
    if (!isDeny && !scope) return
    const hosts = this.#hosts(rule.hosts, [...path, 'hosts'])
    for (const [index, line] of rule.match.entries()) {
      const place = [...path, 'match', index]
      for (const pattern of this.#checked(parseMatchLine(line), place) ?? []) {
        if (rule.where) this.additionLines.push({ pattern, path: place })
        else
          addPattern(this.deciding, { pattern, hosts }, ruleOf(rule, scope, { path: place, line }))
      }
    }
    if (rule.where) this.#addAddition(rule, scope, path)
  }

  #addAddition(rule: RuleDefinition, scope: Scope | undefined, path: DataPath): void {
    const place = [...path, 'where']
    if (!scope) this.#problem(place, 'adds a scope; to refuse on a condition, write a guard')
    const condition = this.#checked(compileCondition(rule.where ?? {}), place)
    if (!scope || !condition) return
    const hosts = this.#hosts(rule.hosts, [...path, 'hosts'])
    const value = { scope: scope.id, condition }
    for (const line of rule.match) {
      // A line that cannot be read is a problem already.
      const parsed = parseMatchLine(line)
      for (const pattern of parsed.ok ? parsed.value : [])
        addPattern(this.additions, { pattern, hosts }, value)
    }
  }

  #addGuard(definition: NonNullable<ServiceDefinition['guards']>[number], path: DataPath): void {
    if (definition.require !== undefined) this.#scope(definition.require, [...path, 'require'])
    const guard = this.#checked(compileGuard(definition, this.#context.id), path)
    const lines = definition.match
    if (!guard) return
    if (!lines) {
      this.#addEverywhere(guard, definition.except, path)
      return
    }
    const except = this.#patterns(definition.except ?? [], [...path, 'except'])
    for (const pattern of this.#patterns(lines, [...path, 'match']))
      addPattern(this.guards, { pattern }, { guard, except })
  }

  #addEverywhere(guard: Guard, except: readonly string[] | undefined, path: DataPath): void {
    if (except) this.#problem(path, 'has "except" without "match"')
    const isBody = ['form', 'json', 'body', 'multipart'].includes(guard.test.source)
    // Without a list every request would have to be read, uploads included.
    if (isBody) this.#problem(path, 'looks at the body: name the operations in "match"')
    else this.#everywhere.push(guard)
  }

  #addTripwire(
    definition: NonNullable<ServiceDefinition['tripwires']>[number],
    path: DataPath,
  ): void {
    const words = this.#checked(compilePattern(definition.words, 'whole'), [...path, 'words'])
    const methods = this.#checked(parseMethods(definition.methods), [...path, 'methods'])
    const scope = this.#scope(definition.scope, [...path, 'scope'])
    if (words && methods && scope) this.tripwires.push({ words, methods: new Set(methods), scope })
  }

  #addUsage(): void {
    for (const [index, rule] of (this.#definition.usage ?? []).entries()) {
      const value = compileUsage(rule)
      const hosts = this.#hosts(rule.hosts, ['usage', index, 'hosts'])
      for (const pattern of this.#patterns(rule.match, ['usage', index, 'match']))
        addPattern(this.usage, { pattern, hosts }, value)
    }
  }

  #addAnswerSecrets(): void {
    for (const [index, rule] of (this.#definition.response_secrets ?? []).entries()) {
      if (rule.match === undefined) continue // by key: compileKeySecrets
      const path = ['response_secrets', index]
      const value = rule.fields.flatMap((field, at) => {
        const parsed = this.#checked(parseSecretField(field), [...path, 'fields', at])
        return parsed ? [parsed] : []
      })
      const { match } = rule
      for (const pattern of this.#checked(parseMatchLine(match), [...path, 'match']) ?? [])
        addPattern(this.answerSecrets, { pattern }, value)
    }
  }

  #addUnsupported(): void {
    const { graphql = [], batch = [] } = this.#definition
    for (const [index, { path }] of graphql.entries()) {
      for (const pattern of this.#checked(parsePaths(path), ['graphql', index, 'path']) ?? [])
        addPattern(
          this.unsupported,
          { pattern: { ...pattern, methods: ['GET', 'POST'] } },
          NO_GRAPHQL,
        )
    }
    const lines = batch.map(({ match }) => match)
    for (const pattern of this.#patterns(lines, ['batch']))
      addPattern(this.unsupported, { pattern }, NO_BATCHES)
  }

  #patterns(lines: readonly string[], path: DataPath): readonly PathPattern[] {
    return lines.flatMap(
      (line, index) => this.#checked(parseMatchLine(line), [...path, index]) ?? [],
    )
  }

  #scope(name: string, path: DataPath): Scope | undefined {
    const scope = this.#context.scopes.get(name)
    if (scope) return scope
    const near = nearest(name, [...this.#context.scopes.keys(), 'deny'])
    const hint = near === undefined ? '' : `; did you mean "${near}"?`
    this.#problem(path, `there is no scope "${name}"${hint}`)
    return undefined
  }

  /** Exact names of the hosts that a rule names, wildcards filled in. */
  #hosts(names: readonly string[] | undefined, path: DataPath): ReadonlySet<string> | undefined {
    if (!names) return undefined
    const exact = new Set<string>()
    for (const [index, name] of names.entries()) {
      const isDeclared = this.#definition.hosts.some(({ host }) => host === name)
      const found = [...this.#context.hosts.keys()].filter((host) => isUnder(host, name))
      if (!isDeclared && found.length === 0)
        this.#problem([...path, index], `"${name}" is no host of this service`)
      for (const host of found) exact.add(host)
    }
    return exact
  }

  #checked<T>(result: Result<T, string>, path: DataPath): T | undefined {
    if (result.ok) return result.value
    this.#problem(path, result.error)
    return undefined
  }

  #problem(path: DataPath, message: string): void {
    this.problems.push({ path, message })
  }
}

function ruleOf(
  definition: RuleDefinition,
  scope: Scope | undefined,
  { path, line }: { readonly path: DataPath; readonly line: string },
): Rule {
  return {
    scope,
    scopes: scope ? [scope.id] : [],
    hasTripwires: definition.tripwires !== 'off',
    allowsRanges: definition.ranges ?? false,
    allowsUpgrade: definition.websocket ?? false,
    path,
    line,
  }
}

function addPattern<T>(
  trie: PathTrie<T>,
  line: { readonly pattern: PathPattern; readonly hosts?: ReadonlySet<string> | undefined },
  value: T,
): void {
  const { segments, text, methods } = line.pattern
  for (const method of methods)
    trie.add(method, { value, segments, text, hosts: line.hosts, breadth: methods.length })
}
