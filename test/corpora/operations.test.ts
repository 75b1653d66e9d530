import { describe, expect, it } from 'vitest'
import { loadCatalog } from '../../src/catalog-files.ts'
import type { Catalog, Facts, Operation } from '../../src/catalog/catalog.ts'
import type { Service } from '../../src/catalog/service.ts'
import { parseTarget } from '../../src/catalog/target.ts'
import { readCorpus } from '../support/corpora.ts'

/**
 * Every operation that the vendors describe, with the scope it must need. AWS and the GraphQL
 * corpora are left out: method and path do not decide there.
 */

/** Operations per scope, from CATALOGUE.md part 6. */
const COUNTS: Record<string, Record<string, number>> = {
  stripe: {
    read: 308,
    write: 160,
    account: 78,
    payout: 46,
    test: 44,
    refund: 22,
    issuing: 15,
    secrets: 15,
    identity: 10,
    delete: 7,
  },
  github: {
    read: 563,
    admin: 317,
    secrets: 115,
    write: 109,
    billing: 35,
    delete: 30,
    code: 28,
    ci: 26,
  },
  openai: { admin: 102, read: 64, write: 45, inference: 25, delete: 20, secrets: 14, usage: 11 },
  anthropic: {
    admin: 117,
    read: 51,
    secrets: 39,
    write: 30,
    usage: 13,
    delete: 11,
    agents: 7,
    inference: 2,
  },
  slack: { admin: 106, write: 84, read: 53, secrets: 21, share: 17, delete: 8, search: 3 },
  twilio: { read: 701, admin: 204, write: 202, delete: 126, secrets: 93, send: 61, spend: 60 },
  sendgrid: { read: 188, admin: 97, write: 47, delete: 31, secrets: 18, send: 10 },
  cloudflare: {
    read: 1415,
    security: 715,
    write: 261,
    delete: 111,
    secrets: 106,
    admin: 81,
    dns: 72,
    billing: 51,
    inference: 19,
  },
  digitalocean: {
    read: 312,
    write: 139,
    delete: 67,
    secrets: 55,
    network: 40,
    admin: 20,
    billing: 15,
    inference: 10,
    deny: 1,
  },
  notion: { read: 37, write: 20, agents: 7, admin: 6, secrets: 3, delete: 2 },
  'google-gmail': { read: 26, write: 20, admin: 16, secrets: 16, send: 4, delete: 3 },
  'google-drive': { read: 64, write: 51, share: 20, delete: 6, secrets: 2 },
  'google-calendar': { read: 17, write: 13, share: 5, delete: 3 },
  'google-sheets': { read: 7, write: 7, delete: 3 },
  resend: { read: 45, write: 28, admin: 11, delete: 11, send: 5, secrets: 4 },
  discord: { read: 94, admin: 64, write: 52, delete: 16, secrets: 11, billing: 5 },
}

interface Line {
  readonly host: string
  readonly method: string
  readonly path: string
  readonly template: string
  /** Full name, or `deny`. */
  readonly expected: string
}

function readLines(service: string): Line[] | undefined {
  return readCorpus(`operations/${service}`)?.map((row) => ({
    host: String(row.host),
    method: String(row.method),
    path: String(row.path),
    template: String(row.path_template),
    expected: String(row.expected_scope),
  }))
}

const NO_BODY: Facts = { headers: [], contentType: undefined, body: { kind: 'none' } }

const catalog: Catalog = await loadCatalog({
  configDirectory: undefined,
  settings: new Map([['digitalocean', { hosts: ['abc123.agents.do-ai.run'] }]]),
})

function find(service: Service, line: Omit<Line, 'template' | 'expected'>): Operation | undefined {
  const target = parseTarget(line.path, service)
  if (!target.ok) return undefined
  const found = catalog.match(service, { ...line, target: target.value })
  return found.ok ? found.value : undefined
}

const scopeOf = (operation: Operation | undefined): string =>
  operation?.baseScopes.join('+') ?? 'deny'

/** The scopes that a request without body and special headers needs; undefined when refused. */
async function neededScopes(service: Service, line: Line): Promise<readonly string[] | undefined> {
  const operation = find(service, line)
  const judged = operation && (await catalog.judge(operation, NO_BODY, new Set()))
  return judged?.ok ? judged.value.scopes : undefined
}

const services = Object.keys(COUNTS).flatMap((name) => {
  const lines = readLines(name)
  const service = catalog.services.get(name)
  return lines && service ? [{ name, lines, service }] : []
})

describe.each(services)('the operations of $name', ({ name, lines, service }) => {
  it('each get the scope that is expected', () => {
    const wrong = lines
      .map((line) => ({ line, got: scopeOf(find(service, line)) }))
      .filter(({ line, got }) => got !== line.expected)
    expect(wrong).toEqual([])
  })

  it('are as many per scope as the catalogue says, and as the file claims', () => {
    const counted: Record<string, number> = {}
    for (const line of lines) {
      const scope = scopeOf(find(service, line)).replace(`${name}:`, '')
      counted[scope] = (counted[scope] ?? 0) + 1
    }
    expect(counted).toEqual(COUNTS[name])
    const { operations } = service.definition.spec as { operations: number }
    const distinct = lines.map(({ method, host, template }) => `${method} ${host} ${template}`)
    expect(new Set(distinct).size).toBe(operations)
  })

  it('are open to a token with one scope exactly where that scope is asked', async () => {
    const needed = await Promise.all(lines.map((line) => neededScopes(service, line)))
    for (const scope of service.scopes.values()) {
      const held = new Set([scope.id])
      const open = lines.filter((_, index) => needed[index]?.every((one) => held.has(one)) === true)
      expect(open).toEqual(lines.filter((line) => line.expected === scope.id))
    }
  })

  it('keep their scope or are refused when the path is spelled otherwise', () => {
    const mutations: [string, (line: Line) => Partial<Line>][] = [
      ['trailing slash', ({ path }) => ({ path: `${path}/` })],
      ['double slash', ({ path }) => ({ path: path.replace(/\/(?=[^/]*$)/, '//') })],
      ['leading slash', ({ path }) => ({ path: `/${path}` })],
      ['dot segment', ({ path }) => ({ path: path.replace(/\/(?=[^/]*$)/, '/./') })],
      ['encoded dots', ({ path }) => ({ path: `${path}/%2e%2e/x` })],
      ['parent and back', ({ path }) => ({ path: `/x/..${path}` })],
      ['upper case', ({ path }) => ({ path: path.toUpperCase() })],
      ['capitals', ({ path }) => ({ path: path.replace(/\/[a-z]/g, (at) => at.toUpperCase()) })],
      [
        'last in capitals',
        ({ path }) => ({ path: path.replace(/[^/]*$/, (at) => at.toUpperCase()) }),
      ],
      ['encoded letter', ({ path }) => ({ path: path.replace(/[a-z](?=[^/]*$)/, encode) })],
      ['encoded slash', ({ path }) => ({ path: path.replace(/(?!^)\/(?=[^/]*$)/, '%2F') })],
      ['backslash', ({ path }) => ({ path: path.replace(/(?!^)\/(?=[^/]*$)/, '\\') })],
      ['parameter', ({ path }) => ({ path: `${path};x=1` })],
      ['NUL', ({ path }) => ({ path: `${path}%00` })],
      ['trailing dot', ({ path }) => ({ path: `${path}.` })],
      ['trailing space', ({ path }) => ({ path: `${path}%20` })],
      ['fragment', ({ path }) => ({ path: `${path}#/x` })],
      ['lower-case method', ({ method }) => ({ method: method.toLowerCase() })],
      ['TRACE', () => ({ method: 'TRACE' })],
    ]
    for (const [mutation, mutate] of mutations) {
      const weaker = lines
        .map((line) => ({ ...line, ...mutate(line) }))
        .map((line) => ({ line, got: scopeOf(find(service, line)) }))
        .filter(({ line, got }) => got !== 'deny' && !got.split('+').includes(line.expected))
      expect(weaker, mutation).toEqual([])
    }
  })

  it('are refused by each way to override the method', async () => {
    const overrides: { query: string; facts: Facts }[] = [
      { query: '?_method=DELETE', facts: NO_BODY },
      { query: '?a=1&%5fmethod=DELETE', facts: NO_BODY },
      { query: '?%24httpMethod=DELETE', facts: NO_BODY },
      ...['x-http-method-override', 'x-http-method', 'x-method-override'].map((header) => ({
        query: '',
        facts: { ...NO_BODY, headers: [[header, 'DELETE'] as const] },
      })),
    ]
    for (const line of lines.filter((_, index) => index % 10 === 0)) {
      for (const { query, facts } of overrides) {
        const operation = find(service, { ...line, path: line.path + query })
        const judged = operation && (await catalog.judge(operation, facts, new Set()))
        if (judged) expect(judged).toMatchObject({ ok: false, error: { reason: 'guard_denied' } })
      }
    }
  })

  it('ask the same of HEAD as of GET', () => {
    for (const line of lines.filter(({ method }) => method === 'GET'))
      expect(scopeOf(find(service, { ...line, method: 'HEAD' }))).toBe(line.expected)
  })
})

function encode(letter: string): string {
  return `%${letter.charCodeAt(0).toString(16)}`
}

describe('stripe:read and stripe:write together', () => {
  const stripe = services.find(({ name }) => name === 'stripe')

  it
    .skipIf(!stripe)
    .each(['refund', 'payout', 'account', 'issuing', 'identity', 'secrets', 'delete', 'test'])(
    'open no operation of stripe:%s',
    async (scope) => {
      const held = new Set(['stripe:read', 'stripe:write'])
      const lines = stripe?.lines.filter(({ expected }) => expected === `stripe:${scope}`) ?? []
      expect(lines.length).toBeGreaterThan(0)
      for (const line of lines) {
        const needed = stripe && (await neededScopes(stripe.service, line))
        expect(needed?.every((one) => held.has(one)) ?? false, line.path).toBe(false)
      }
    },
  )
})
