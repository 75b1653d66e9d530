/**
 * Services of many APIs behind one kind of signature, as AWS: how a signed request names its
 * operation, and at which host that is. The key is `{signing name}:{Operation}`.
 */

import { isUnder, type Problem } from './host.ts'
import type { SecretField } from './answer-secrets.ts'
import { compileKeyRules } from './key-rules.ts'
import { compileKeySecrets } from './key-secrets.ts'
import { bySpecificity, nameByLine, parseRestLine, type RestLines } from './rest-lines.ts'
import type { ServiceDefinition } from './schema.ts'
import type { Scope } from './service.ts'

type ApiDefinition = NonNullable<ServiceDefinition['apis']>[string]

/** What of a signed request names its operation. */
export interface NamingRequest {
  /** As its signature says. */
  readonly service: string
  readonly region: string
  /** HEAD as such. */
  readonly method: string
  /** Decoded once. */
  readonly segments: readonly string[]
  readonly query: string | undefined
  /** The X-Amz-Target fields. */
  readonly targets: readonly string[]
  /** The Action fields of query and form, in whatever case, and those that some take for one. */
  readonly actions: readonly string[]
}

export interface NamedOperation {
  readonly key: string
  readonly host: string
  /** That the request to the host is signed for. */
  readonly region: string
}

interface Api extends RestLines {
  readonly host: string
  /** For hosts of the whole world. */
  readonly region: string | undefined
  readonly target: string | undefined
  readonly takesActions: boolean
  /** That target or Action may name: what is new in an API has no scope yet. */
  readonly operations: ReadonlySet<string>
}

export interface Apis {
  name(request: NamingRequest): NamedOperation | undefined
  /** The scope of an operation's key; undefined where no rule is for it. */
  scopeOf(key: string): Scope | undefined
  /** Scopes that its parameters need in addition. */
  extrasOf(key: string, parameters: readonly string[]): readonly Scope[]
  allowsRanges(key: string): boolean
  /** Where its answer carries secrets; undefined for most. */
  secretFieldsOf(key: string): readonly SecretField[] | undefined
}

export function compileApis(
  definition: ServiceDefinition,
  scopes: ReadonlyMap<string, Scope>,
): { readonly apis: Apis; readonly problems: readonly Problem[] } {
  const { apis = {}, operation_rules: rules = [], response_secrets: secrets = [] } = definition
  const problems: Problem[] = []
  const byName = new Map<string, Api[]>()
  const spelled = spelledKeys(rules)
  for (const [id, api] of Object.entries(apis)) {
    const name = api.signing_name ?? id
    const more = spelled.get(name) ?? []
    const compiled = compileApi({ definition: api, more }, ['apis', id], problems)
    byName.set(name, [...(byName.get(name) ?? []), compiled])
  }
  const keyRules = compileKeyRules(rules, scopes)
  const keySecrets = compileKeySecrets(secrets)
  problems.push(...keyRules.problems, ...keySecrets.problems)
  for (const [id, { host }] of Object.entries(apis)) {
    const example = host.replace('{region}', 'eu-west-1')
    if (!definition.hosts.some((known) => isUnder(example, known.host)))
      problems.push({ path: ['apis', id, 'host'], message: 'is no host of this service' })
  }
  return {
    apis: {
      name: (request) => nameOperation(byName.get(request.service) ?? [], request),
      scopeOf: keyRules.scopeOf,
      extrasOf: keyRules.extrasOf,
      allowsRanges: keyRules.allowsRanges,
      secretFieldsOf: keySecrets.fieldsOf,
    },
    problems,
  }
}

/** Operations that a rule spells out, by signing name: whoever names one knows it. */
function spelledKeys(
  rules: NonNullable<ServiceDefinition['operation_rules']>,
): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>()
  for (const key of rules.flatMap(({ ops }) => ops)) {
    const [name = '', operation = ''] = key.split(':')
    if (!key.includes('*')) names.set(name, [...(names.get(name) ?? []), operation])
  }
  return names
}

function compileApi(
  { definition, more }: { readonly definition: ApiDefinition; readonly more: readonly string[] },
  path: readonly (string | number)[],
  problems: Problem[],
): Api {
  const { host, region, target, actions = false, rest = [], parameters } = definition
  const operations = (definition.operations ?? '').split(/\s+/).filter((name) => name !== '')
  const odd = operations.find((name) => !isName(name))
  if (odd !== undefined)
    problems.push({ path: [...path, 'operations'], message: `has "${odd}", which is no name` })
  const lines = rest.flatMap((text, index) => {
    const line = parseRestLine(text)
    if (line.ok) return line.value
    problems.push({ path: [...path, 'rest', index], message: line.error })
    return []
  })
  return {
    ...{ host, region, target, takesActions: actions },
    rest: lines.sort(bySpecificity),
    parameters: parameters && new Set(parameters),
    operations: new Set([...operations, ...more]),
  }
}

/** `eu-west-1`, `us-gov-east-1`: it becomes a part of a host's name. */
const REGION = /^[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}$/

/** Undefined unless exactly one way of naming is used, and it names one operation. */
function nameOperation(apis: readonly Api[], request: NamingRequest): NamedOperation | undefined {
  const { targets, actions, service } = request
  if (targets.length + actions.length > 1 || !REGION.test(request.region)) return undefined
  for (const api of apis) {
    const operation = operationOf(api, request)
    if (operation === undefined) continue
    const region = api.region ?? request.region
    return { key: `${service}:${operation}`, host: hostOf(api, region), region }
  }
  return undefined
}

function hostOf({ host }: Api, region: string): string {
  const name = host.replace('{region}', region)
  return region.startsWith('cn-') ? name.replace(/\.amazonaws\.com$/, '.amazonaws.com.cn') : name
}

function operationOf(api: Api, request: NamingRequest): string | undefined {
  const [target] = request.targets
  if (target !== undefined)
    return isRoot(request) && !hasQuery(request) ? byTarget(api, request, target) : undefined
  const [action] = request.actions
  if (action !== undefined)
    return api.takesActions && isRoot(request) && api.operations.has(action) ? action : undefined
  return isRpcPath(request.segments) ? byRpcPath(api, request) : nameByLine(api, request)
}

/** `DynamoDB_20120810.GetItem` */
function byTarget(
  { target, operations }: Api,
  { method }: NamingRequest,
  text: string,
): string | undefined {
  const dot = text.lastIndexOf('.')
  const operation = text.slice(dot + 1)
  const isOurs = method === 'POST' && target !== undefined && text.slice(0, dot) === target
  return isOurs && operations.has(operation) ? operation : undefined
}

/** `/service/GraniteServiceVersion20100801/operation/ListMetrics` (Smithy RPC v2). */
function byRpcPath(api: Api, request: NamingRequest): string | undefined {
  const { target } = api
  const [, service = '', , operation = ''] = request.segments
  if (target?.slice(target.lastIndexOf('.') + 1) !== service || hasQuery(request)) return undefined
  return byTarget(api, request, `${target}.${operation}`)
}

/** What is named elsewhere takes no fields from the query; whoever looks there would find another name. */
const hasQuery = ({ query = '' }: NamingRequest): boolean => query !== ''

const isRpcPath = (segments: readonly string[]): boolean =>
  segments.length === 4 && segments[0] === 'service' && segments[2] === 'operation'

const isRoot = ({ segments, method }: NamingRequest): boolean =>
  segments.length === 0 && (method === 'POST' || method === 'GET')

const isName = (text: string): boolean => /^[A-Za-z][A-Za-z0-9]{0,127}$/.test(text)
