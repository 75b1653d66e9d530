/** One complete definition, with its settings, into the service that the road asks about. */

import { createHash } from 'node:crypto'
import type { CredentialDefinition, ServiceDefinition } from './schema.ts'
import { compileApis } from './apis.ts'
import { compileForms, supportFor } from './credential.ts'
import { compileHosts, hostOf, isUnder, type CompiledHost, type Problem } from './host.ts'
import { lintRuleset } from './lint.ts'
import type { CompiledService } from './match.ts'
import { compileRuleset } from './ruleset.ts'
import type {
  AcceptPlace,
  CredentialForm,
  InjectRule,
  RedactRules,
  Scope,
  Service,
} from './service.ts'
import type { ServiceSettings } from './settings.ts'

export interface ServiceSource {
  readonly definition: ServiceDefinition
  readonly settings: ServiceSettings
  /** The credential of the service that `same_as` names; else the service's own. */
  readonly credential: CredentialDefinition
  /** Name of its secret. */
  readonly credentialName: string
}

const DEFAULT_BODY_LIMIT = 10 * 1024 * 1024
const EVERY_ROUTING = ['prefix', 'host', 'port', 'connect'] as const

export function compileService(source: ServiceSource): {
  readonly compiled: CompiledService
  readonly problems: readonly Problem[]
} {
  const { definition, settings } = source
  const scopes = compileScopes(definition)
  const { hosts, problems: hostProblems } = compileHosts(definition.hosts, settings.hosts ?? [])
  const { ruleset, problems: ruleProblems } = compileRuleset(definition, {
    id: definition.id,
    scopes,
    hosts,
  })
  const { apis, problems: apiProblems } = compileApis(definition, scopes)
  const forms = compileForms(source.credential, {
    tokenOrigin: settings.tokenOrigin,
    origin: settings.origin,
    hosts: definition.hosts.map(({ host }) => host),
  })
  const service = serviceOf(source, { scopes, hosts, forms: forms.ok ? forms.value : [] })
  const problems = [
    ...hostProblems,
    ...ruleProblems,
    ...apiProblems,
    ...lintRuleset(ruleset, hosts),
    ...splitProblems(definition),
    ...injectProblems(definition, service),
    ...(forms.ok ? [] : [{ path: ['auth', 'credential'], message: forms.error }]),
  ]
  return { compiled: { service, hosts, ruleset, apis }, problems }
}

interface Parts {
  readonly scopes: ReadonlyMap<string, Scope>
  readonly hosts: ReadonlyMap<string, CompiledHost>
  readonly forms: readonly CredentialForm[]
}

function serviceOf(source: ServiceSource, { scopes, hosts, forms }: Parts): Service {
  const { definition, settings, credentialName } = source
  const { auth } = definition
  const wildcards = definition.hosts.filter(({ host }) => host.startsWith('*.'))
  return {
    id: definition.id,
    name: definition.name,
    category: definition.category,
    docs: definition.docs,
    hosts: [...[...hosts.values()].map(({ host }) => host), ...wildcards.map(hostOf)],
    accept: auth.accept.map(acceptOf),
    inject: auth.inject.flatMap(injectOf),
    isSigned: auth.inject.some((rule) => rule.in === 'sigv4'),
    stripHeaders: auth.strip ?? [],
    credentialForms: forms,
    credentialSplits: splitsOf(definition, credentialName),
    credential: credentialName,
    tokenPrefix: tokenPrefixOf(auth.token_shape ?? '{token}'),
    clients: clientsOf(definition),
    scopes,
    support: supportFor(definition, forms),
    refusal: definition.refusal ?? 'problem',
    bodyLimitBytes: settings.bodyLimitBytes ?? DEFAULT_BODY_LIMIT,
    allowEncodedSlash: definition.allow_encoded_slash ?? false,
    origin: settings.origin,
    redact: redactOf(definition),
    definition,
    digest: digestOf(source),
  }
}

function tokenPrefixOf(shape: string): string | undefined {
  const prefix = shape.replace('{token}', '')
  return prefix === '' ? undefined : prefix
}

function clientsOf({ clients = {} }: ServiceDefinition): Service['clients'] {
  const { env = [], sdk = {}, routing = EVERY_ROUTING } = clients
  const variables = env.map(({ name, value, readers, optional = false }) => ({
    name,
    value,
    optional,
    ...(readers === undefined ? {} : { readers }),
  }))
  return { env: variables, sdk, routing }
}

function compileScopes({ id, scopes }: ServiceDefinition): ReadonlyMap<string, Scope> {
  return new Map(
    Object.entries(scopes).map(([name, { risk, title, effects }]) => [
      name,
      { id: `${id}:${name}`, name, risk, title, effects: effects ?? [] },
    ]),
  )
}

/** Scope name to secret name: `admin` to `openai-admin`. */
function splitsOf(
  { auth }: ServiceDefinition,
  credentialName: string,
): ReadonlyMap<string, string> {
  const splits = new Map<string, string>()
  for (const [split, scopes] of Object.entries(auth.credential.split ?? {}))
    for (const scope of scopes) splits.set(scope, `${credentialName}-${split}`)
  return splits
}

function splitProblems({ auth, scopes }: ServiceDefinition): readonly Problem[] {
  return Object.entries(auth.credential.split ?? {}).flatMap(([split, names]) =>
    names
      .filter((name) => !Object.hasOwn(scopes, name))
      .map((name) => ({
        path: ['auth', 'credential', 'split', split],
        message: `there is no scope "${name}"`,
      })),
  )
}

/** A credential goes to hosts of the service only, and is made of fields that somebody fills in. */
function injectProblems(
  definition: ServiceDefinition,
  { inject, credentialForms }: Service,
): readonly Problem[] {
  const known = new Set(credentialForms.flatMap(({ fields }) => fields.map(({ name }) => name)))
  if (credentialForms.some(({ mint }) => mint)) known.add('secret')
  return inject.flatMap(({ format, hosts = [] }, index) => {
    const path = ['auth', 'inject', index]
    const names = [...format.matchAll(/\{([a-z][a-z0-9_]*)\}/g)].map(([, name = '']) => name)
    const fields = names
      .filter((name) => !known.has(name))
      .map((name) => ({ path, message: `there is no credential field "${name}"` }))
    const strangers = hosts
      .filter((name) => !definition.hosts.some(({ host }) => isUnder(name, host)))
      .map((name) => ({ path, message: `"${name}" is no host of this service` }))
    return [...fields, ...strangers]
  })
}

function acceptOf(place: ServiceDefinition['auth']['accept'][number]): AcceptPlace {
  switch (place.in) {
    case 'header': {
      const { name, scheme = 'raw', field } = place
      return { in: 'header', name, scheme, ...(field === undefined ? {} : { field }) }
    }
    case 'query':
      return { in: 'query', field: place.field, required: place.required ?? false }
    case 'path':
      return { in: 'path', pattern: place.pattern }
    case 'websocket_protocol':
      return { in: 'websocket_protocol', prefix: place.prefix }
    case 'sigv4':
      return { in: 'sigv4' }
  }
}

function injectOf(rule: ServiceDefinition['auth']['inject'][number]): readonly InjectRule[] {
  if (rule.in === 'sigv4') return []
  const { hosts } = rule
  const limited = hosts === undefined ? {} : { hosts }
  switch (rule.in) {
    case 'header': {
      const { name, format, optional = false } = rule
      return [{ in: 'header', name, format, optional, ...limited }]
    }
    case 'query':
      return [{ in: 'query', field: rule.field, format: rule.format, ...limited }]
    case 'path':
      return [{ in: 'path', pattern: rule.pattern, format: rule.format, ...limited }]
  }
}

function redactOf({ redact = {} }: ServiceDefinition): RedactRules {
  const { body = [], query = [], path = [], response = [], pii = [] } = redact
  return { body, query, path, response, pii }
}

/** Over all that decides what a request may do and where it goes. */
function digestOf({ definition, settings, credential, credentialName }: ServiceSource): string {
  const effective = JSON.stringify({ definition, settings, credential, credentialName })
  return createHash('sha256').update(effective).digest('hex')
}

/** Hosts that the operator named and that no wildcard of the service covers. */
export function strayHosts(definition: ServiceDefinition, settings: ServiceSettings): string[] {
  return (settings.hosts ?? []).filter(
    (name) => !definition.hosts.some(({ host }) => isUnder(name, host)),
  )
}
