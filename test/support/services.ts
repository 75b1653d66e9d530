/** Compiled services and a catalogue as plain values, for parts that only look at their outside. */

import type { Catalog } from '../../src/catalog/catalog.ts'
import type { Risk, Scope, Service } from '../../src/catalog/service.ts'

/** A ready service with one API key; scopes as `name: risk`. */
export function aService(
  id: string,
  scopes: Readonly<Record<string, Risk>>,
  overrides: Partial<Service> = {},
): Service {
  return {
    id,
    name: id.charAt(0).toUpperCase() + id.slice(1),
    category: 'test',
    docs: undefined,
    hosts: [],
    accept: [],
    inject: [],
    isSigned: false,
    stripHeaders: [],
    credentialForms: [
      { type: 'api_key', fields: [{ name: 'secret', secret: true, optional: false }] },
    ],
    credentialSplits: new Map(),
    credential: id,
    tokenPrefix: undefined,
    clients: { env: [], sdk: {}, routing: [] },
    scopes: new Map(Object.entries(scopes).map(([name, risk]) => [name, aScope(id, name, risk)])),
    support: { ready: true },
    refusal: 'problem',
    bodyLimitBytes: 1024,
    allowEncodedSlash: false,
    origin: undefined,
    redact: { body: [], query: [], path: [], response: [], pii: [] },
    definition: { id },
    digest: '0'.repeat(64),
    ...overrides,
  }
}

function aScope(service: string, name: string, risk: Risk): Scope {
  return { id: `${service}:${name}`, name, risk, title: `${name} ${service}`, effects: [] }
}

/** Knows services and scopes, and judges nothing. */
export function aCatalog(services: readonly Service[]): Catalog {
  const notHere = () => {
    throw new Error('this catalogue judges no requests')
  }
  const scopes = services.flatMap((service) => [...service.scopes.values()])
  return {
    services: new Map(services.map((service) => [service.id, service])),
    scopes: new Map(scopes.map((scope) => [scope.id, scope])),
    digest: '0'.repeat(64),
    resolveHost: notHere,
    match: notHere,
    matchSigned: notHere,
    judge: notHere,
  }
}
