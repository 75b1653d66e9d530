/**
 * Puts a credential where the service's rules say, for one of its hosts. The only place where a
 * real key meets a request.
 *
 * Rules are compiled once per service and host; per request there is nothing to decide.
 */

import { Failure } from '../base/errors.ts'
import { err, ok, type Result } from '../base/result.ts'
import type { InjectRule, Service } from '../catalog/service.ts'
import type { Credential } from '../secret/credential-source.ts'
import { injectHeader } from './header.ts'
import type { InjectionProblem, Outgoing, Step } from './outgoing.ts'
import { injectPath, parseSlotPattern } from './path.ts'
import { injectQuery } from './query.ts'
import { parseTemplate, type Template } from './template.ts'

export interface Injecting {
  readonly service: Service
  /** Catalogue host, whatever address is dialled. */
  readonly host: string
  readonly credential: Credential
}

/** The request with the credential in it, in place of whatever stood there. */
export function injectCredential(
  { service, host, credential }: Injecting,
  outgoing: Outgoing,
): Result<Outgoing, InjectionProblem> {
  const steps = stepsFor(service, host)
  // Without a credential the request would leave as an anonymous one: better not at all.
  if (steps === undefined) return err({ reason: 'no_injection_rule', host })
  let injected = outgoing
  for (const step of steps) {
    const result = step(injected, credential.fields)
    if (!result.ok) return result
    injected = result.value
  }
  return ok(injected)
}

/** What is wrong with a service's rules, in words; empty when every one can be compiled. */
export function checkInjection(service: Pick<Service, 'inject'>): readonly string[] {
  return service.inject.flatMap((rule) => {
    const template = parseTemplate(rule.format)
    const pattern = rule.in === 'path' ? parseSlotPattern(rule.pattern) : undefined
    return [template, pattern].flatMap((read) => (read?.ok === false ? [read.error.problem] : []))
  })
}

type Steps = readonly Step[] | undefined

const stepsByService = new WeakMap<Service, Map<string, Steps>>()
/** Names under a wildcard host come from callers: what is kept of them has an end. */
const MAX_HOSTS = 256

function stepsFor(service: Service, host: string): Steps {
  let byHost = stepsByService.get(service)
  if (byHost === undefined || byHost.size >= MAX_HOSTS) {
    byHost = new Map()
    stepsByService.set(service, byHost)
  }
  if (!byHost.has(host)) byHost.set(host, compileSteps(service, host))
  return byHost.get(host)
}

/** Undefined when no rule that must be followed is for this host. */
function compileSteps(service: Service, host: string): Steps {
  const byPlace = new Map<string, InjectRule>()
  // Rules that name this host come last: for the same place they win over general ones.
  const general = service.inject.filter(({ hosts }) => hosts === undefined)
  const named = service.inject.filter(({ hosts }) => hosts?.some((name) => covers(name, host)))
  for (const rule of [...general, ...named]) byPlace.set(placeOf(rule), rule)
  const rules = [...byPlace.values()]
  return rules.every(isOptional) ? undefined : rules.map(compileRule)
}

function covers(name: string, host: string): boolean {
  return name === host || (name.startsWith('*.') && host.endsWith(name.slice(1)))
}

function placeOf(rule: InjectRule): string {
  switch (rule.in) {
    case 'header':
      return `header ${rule.name.toLowerCase()}`
    case 'query':
      return `query ${rule.field}`
    case 'path':
      return 'path'
  }
}

function isOptional(rule: InjectRule): boolean {
  return rule.in === 'header' && rule.optional
}

function compileRule(rule: InjectRule): Step {
  const template = templateOf(rule.format)
  switch (rule.in) {
    case 'header':
      return injectHeader({ name: rule.name, optional: rule.optional, template })
    case 'query':
      return injectQuery({ field: rule.field, template })
    case 'path':
      return injectPath({
        pattern: rule.pattern,
        findSlot: valid(parseSlotPattern(rule.pattern)),
        template,
      })
  }
}

const templateOf = (format: string): Template => valid(parseTemplate(format))

function valid<T>(read: Result<T, { readonly problem: string }>): T {
  if (!read.ok) throw new Failure('catalog_invalid', read.error.problem)
  return read.value
}
