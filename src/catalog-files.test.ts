import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { builtinServicesDirectory, loadCatalog } from './catalog-files.ts'
import type { Catalog, Facts } from './catalog/catalog.ts'
import { parseTarget } from './catalog/target.ts'

const catalog = await loadCatalog({ configDirectory: undefined, settings: new Map() })

interface Request {
  readonly host?: string
  readonly headers?: Facts['headers']
  readonly type?: string
  readonly body?: string
  readonly held?: readonly string[]
}

function match(line: string, host: string | undefined, within: Catalog = catalog) {
  const [id = '', method = '', raw = ''] = line.split(' ')
  const service = within.services.get(id)
  if (!service) throw new Error(`no service ${id}`)
  const target = parseTarget(raw, service)
  if (!target.ok) throw new Error(target.error.problem)
  const chosen = within.resolveHost(service, { named: host, method, target: target.value })
  if (!chosen.ok) throw new Error(chosen.error.reason)
  return within.match(service, { method, host: chosen.value, target: target.value })
}

/** `stripe POST /v1/refunds` with a body: the scopes it needs, or the reason of the refusal. */
async function judge(line: string, request: Request = {}) {
  const operation = match(line, request.host)
  if (!operation.ok) return operation.error.reason
  const verdict = await judged(line, request)
  return verdict.ok ? verdict.value.scopes.join(' ') : verdict.error
}

async function judged(line: string, request: Request) {
  const { host, headers = [], type, body, held = [] } = request
  const operation = match(line, host)
  if (!operation.ok) return operation
  return catalog.judge(
    operation.value,
    {
      headers: type === undefined ? headers : [...headers, ['content-type', type]],
      contentType: type,
      body: body === undefined ? { kind: 'none' } : { kind: 'bytes', bytes: Buffer.from(body) },
    },
    new Set(held),
  )
}

const form = (body: string): Request => ({ type: 'application/x-www-form-urlencoded', body })
const json = (value: unknown): Request => ({
  type: 'application/json; charset=utf-8',
  body: typeof value === 'string' ? value : JSON.stringify(value),
})

describe('what a Stripe form says', () => {
  it.each([
    ['POST /v1/customers', 'email=a@b.c', 'stripe:write'],
    ['POST /v1/customers', 'balance=-5000', 'stripe:write stripe:refund'],
    ['POST /v1/customers/cus_1', 'b%61lance=5', 'stripe:write stripe:refund'],
    ['POST /v1/customers', 'Balance=-1', 'stripe:write stripe:refund'],
    ['POST /v1/invoiceitems', 'amount=-5000&customer=cus_1', 'stripe:write stripe:refund'],
    ['POST /v1/invoiceitems', 'amount=5000&customer=cus_1', 'stripe:write'],
    ['POST /v1/invoiceitems', 'amount=1&amount=-5000', 'stripe:write stripe:refund'],
    ['POST /v1/invoiceitems', 'amount=%20-5000', 'stripe:write stripe:refund'],
    ['POST /v1/invoiceitems', 'price_data[unit_amount]=-1', 'stripe:write stripe:refund'],
    ['POST /v1/invoiceitems', 'amount=1;amount=-5', 'stripe:write stripe:refund'],
    ['POST /v1/invoiceitems', 'amount[]=-5', 'stripe:write stripe:refund'],
    ['POST /v1/invoices/in_1/add_lines', 'lines[0][amount]=-5', 'stripe:write stripe:refund'],
    ['POST /v1/payment_intents', 'amount=5', 'stripe:write'],
    ['POST /v1/payment_intents', 'transfer_data[destination]=acct_1', 'stripe:write stripe:payout'],
    ['POST /v1/charges', 'destination=acct_1', 'stripe:write stripe:payout'],
    [
      'POST /v1/checkout/sessions',
      'payment_intent_data[transfer_data][destination]=a',
      'stripe:write stripe:payout',
    ],
    ['POST /v1/payment_intents', 'on_behalf_of=acct_1', 'stripe:write stripe:payout'],
    ['POST /v1/issuing/cards/ic_1', 'expand[]=number', 'stripe:issuing stripe:secrets'],
    ['POST /v1/refunds', 'charge=ch_1', 'stripe:refund'],
  ])('%s with %s needs %s', async (line, body, scopes) => {
    expect(await judge(`stripe ${line}`, form(body))).toBe(scopes)
  })

  it.each([
    ['another type', { type: 'text/plain', body: 'email=a' }],
    ['no type', { body: 'email=a' }],
    ['multipart', { type: 'multipart/form-data; boundary=x', body: '--x--' }],
    ['duplicate keys', json('{"a":1,"a":2}')],
    ['depth', json(`${'['.repeat(65)}${']'.repeat(65)}`)],
    [
      'compression',
      { ...json('{"email":"a"}'), headers: [['content-encoding', 'gzip']] as Facts['headers'] },
    ],
  ])('counts as true what cannot be read: %s', async (_, request) => {
    expect(await judge('stripe POST /v1/customers', request)).toBe('stripe:write stripe:refund')
  })

  // Every form may hold a method override, so one that cannot be read is no request at all.
  it.each([
    ['another charset', { type: 'application/x-www-form-urlencoded; charset=utf-7', body: 'a=b' }],
    [
      'compression',
      { ...form('email=a'), headers: [['content-encoding', 'gzip']] as Facts['headers'] },
    ],
    [
      'two content types',
      { ...form('email=a'), headers: [['content-type', 'text/plain']] as Facts['headers'] },
    ],
    ['a value that cannot be decoded', form('amount=%zz')],
    ['a value with a NUL', form('amount=%00-1')],
    ['too many fields', form('a&'.repeat(20_000))],
    ['only semicolons', form('a;'.repeat(524_287))],
    ['a badly encoded pair before an override', form('a=%ff&_method=DELETE')],
    ['brackets around a name', form('[balance]=-5000')],
    ['a bracket before a name', form(']balance=-5000')],
    ['a bracket behind a name', form('balance]=-5000')],
    ['a name that is nested too deep', form(`a${'[b]'.repeat(1000)}=1`)],
  ])('SC-09 SC-10 refuses a form that cannot be read in one way: %s', async (_, request) => {
    expect(await judge('stripe POST /v1/customers', request)).toMatchObject({
      reason: 'body_unreadable',
    })
  })

  it.each(['balance=-5000', 'limit=1&balance=-5000', 'balance%5B%5D=1'])(
    'SC-10 looks for a form field in the query as well: %s',
    async (query) => {
      expect(await judge(`stripe POST /v1/customers?${query}`)).toBe('stripe:write stripe:refund')
    },
  )

  it('says what it took for true without a look', async () => {
    const multipart = { type: 'multipart/form-data; boundary=x', body: '--x--' }
    expect(await judged('stripe POST /v1/customers', multipart)).toMatchObject({
      ok: true,
      value: { assumed: 'the body is neither JSON nor a form' },
    })
  })

  it('counts as false where there is no body', async () => {
    expect(await judge('stripe POST /v1/customers')).toBe('stripe:write')
    expect(await judge('stripe POST /v1/customers', form(''))).toBe('stripe:write')
  })
})

it.each(['deleteSheet', 'delete_sheet', 'deleteRange', 'delete_dimension'])(
  'SC-10 a spreadsheet update with %s needs google-sheets:delete',
  async (name) => {
    const request = json(JSON.stringify({ requests: [{ [name]: {} }] }))
    expect(await judge('google-sheets POST /v4/spreadsheets/x:batchUpdate', request)).toBe(
      'google-sheets:write google-sheets:delete',
    )
  },
)

describe('what a query says', () => {
  it.each([
    ['stripe GET /v1/issuing/cards/ic_1?expand[]=number', 'stripe:read stripe:secrets'],
    ['stripe GET /v1/issuing/cards/ic_1?expand%5B0%5D=cvc', 'stripe:read stripe:secrets'],
    [
      'stripe GET /v1/issuing/cards/ic_1?expand[]=x&%65xpand[]=number',
      'stripe:read stripe:secrets',
    ],
    ['stripe GET /v1/issuing/cards/ic_1?expand[1]=x;expand[]=number', 'stripe:read stripe:secrets'],
    ['stripe GET /v1/issuing/cards/ic_1?expand[]=cardholder', 'stripe:read'],
    ['stripe GET /v1/issuing/cards?limit=1', 'stripe:read'],
    ['github-git GET /a/b.git/info/refs?service=git-upload-pack', 'github-git:read'],
    [
      'github-git GET /a/b.git/info/refs?service=git-receive-pack',
      'github-git:read github-git:code',
    ],
    [
      'github-git GET /a/b.git/info/refs?service=git-upload-pack&service=git-receive-pack',
      'github-git:read github-git:code',
    ],
  ])('SC-10 %s needs %s', async (line, scopes) => {
    expect(await judge(line)).toBe(scopes)
  })

  it.each([
    'stripe GET /v1/charges?key=sk',
    'stripe GET /v1/charges?limit=1&k%65y=x',
    'stripe GET /v1/charges?%ff=1',
    'slack GET /api/auth.test?token=x',
    'slack GET /api/auth.test?token[]=x',
    'google-gmail GET /gmail/v1/users/me/labels?access_token=x',
  ])('SC-10 refuses %s', async (line) => {
    expect(await judge(line)).toMatchObject({ reason: 'guard_denied' })
  })
})

describe('what a JSON body says', () => {
  it.each<[string, unknown, string]>([
    ['github PATCH /repos/o/r/git/refs/heads/main', { sha: 'a' }, 'github:code'],
    [
      'github PATCH /repos/o/r/git/refs/heads/main',
      { sha: 'a', force: true },
      'github:code github:delete',
    ],
    ['github PATCH /repos/o/r/git/refs/heads/main', { force: false }, 'github:code'],
    [
      'github PATCH /repos/o/r/git/refs/heads/main',
      '{"forc\\u0065": "TRUE"}',
      'github:code github:delete',
    ],
    ['github PATCH /repositories/1/git/refs/heads/main', { force: 1 }, 'github:code github:delete'],
    ['github POST /repos/o/r/pulls/1/reviews', { event: 'COMMENT' }, 'github:write'],
    ['github POST /repos/o/r/pulls/1/reviews', { event: 'APPROVE' }, 'github:write github:code'],
    ['github POST /repos/o/r/pulls/1/reviews', { EVENT: 'approve' }, 'github:write github:code'],
    ['notion PATCH /v1/pages/p', { properties: {} }, 'notion:write'],
    ['notion PATCH /v1/pages/p', { in_trash: true }, 'notion:write notion:delete'],
    ['digitalocean POST /v2/droplets/1/actions', { type: 'snapshot' }, 'digitalocean:write'],
    [
      'digitalocean POST /v2/droplets/1/actions',
      { type: 'rebuild' },
      'digitalocean:write digitalocean:delete',
    ],
    [
      'digitalocean POST /v2/droplets/1/actions',
      { Type: 'rebuild' },
      'digitalocean:write digitalocean:delete',
    ],
    [
      'google-sheets POST /v4/spreadsheets/s:batchUpdate',
      { requests: [{ a: 1 }, { deleteSheet: { sheetId: 1 } }] },
      'google-sheets:write google-sheets:delete',
    ],
    ['openai POST /v1/responses', { model: 'm', tools: [{ type: 'web' }] }, 'openai:inference'],
  ])('%s with %j needs %s', async (line, body, scopes) => {
    expect(await judge(line, json(body))).toBe(scopes)
  })

  it.each<[string, Request, string]>([
    [
      'openai POST /v1/responses',
      json({ tools: [{ server_url: 'https://evil' }] }),
      'guard_denied',
    ],
    ['openai POST /v1/responses', json({ tools: [{}, { authorization: 'x' }] }), 'guard_denied'],
    [
      'openai POST /v1/realtime/client_secrets',
      json({ session: { tools: [{ server_url: 'u' }] } }),
      'guard_denied',
    ],
    ['openai POST /v1/responses', json('{"a":1,"a":2}'), 'body_unreadable'],
    ['openai POST /v1/responses', { type: 'text/plain', body: '{}' }, 'body_unreadable'],
    ['openai POST /v1/realtime/calls', { type: 'application/sdp', body: 'v=0' }, 'body_unreadable'],
    ['anthropic POST /v1/messages', json({ mcp_servers: [{ url: 'u' }] }), 'guard_denied'],
    [
      'anthropic POST /v1/messages/batches',
      json({ requests: [{ params: { mcp_servers: [{ url: 'u' }] } }] }),
      'guard_denied',
    ],
    ['slack POST /api/chat.postMessage', form('token=x&text=y'), 'guard_denied'],
    ['slack POST /api/chat.postMessage', json({ token: 'x' }), 'guard_denied'],
    ['github POST /repos/o/r/issues', form('_method=DELETE'), 'guard_denied'],
  ])('refuses %s with %j: %s', async (line, request, reason) => {
    expect(await judge(line, request)).toMatchObject({ reason })
  })

  it.each([
    ['openai POST /v1/chat/completions', false],
    ['openai POST /v1/files', false],
    ['openai POST /v1/responses', true],
    ['github POST /repos/o/r/issues', false],
    ['github PATCH /repos/o/r/git/refs/heads/x', true],
    ['slack POST /api/chat.postMessage', true],
    ['slack POST /api/files.upload', false],
    ['stripe POST /v1/customers', true],
    ['stripe POST /v1/refunds', false],
    ['stripe POST /v1/files', false],
    ['google-drive POST /upload/drive/v3/files', false],
  ])('%s has its body read: %s', (line, reads) => {
    expect(match(line, undefined)).toMatchObject({ ok: true, value: { readsBody: reads } })
  })
})

describe('headers that change who acts', () => {
  it.each([
    ['stripe GET /v1/charges', 'stripe-account', 'stripe:account'],
    ['stripe GET /v2/core/events', 'stripe-context', 'stripe:account'],
    ['openai POST /v1/chat/completions', 'openai-organization', 'openai:admin'],
    ['openai POST /v1/chat/completions', 'openai-project', 'openai:admin'],
    ['sendgrid GET /v3/templates', 'on-behalf-of', 'sendgrid:admin'],
    ['google-drive GET /drive/v3/files', 'x-goog-user-project', undefined],
  ])('SC-11 %s refuses %s without %s', async (line, header, needs) => {
    const headers = [[header, 'other']] as const
    expect(await judge(line, { headers })).toEqual({
      reason: 'acting_as_not_allowed',
      field: `header ${header}`,
      needs,
    })
    if (needs === undefined) return
    const [id = ''] = line.split(' ')
    const allowed = await judge(line, { headers, held: [needs] })
    expect(allowed).toMatch(new RegExp(`^${id}:\\S+ ${needs}$`))
  })
})

describe('other spellings of a path', () => {
  it.each([
    ['github GET /repositories/1/hooks', 'github:read github:admin'],
    ['github GET /repos/o/r/hooks', 'github:admin'],
    ['github POST /repositories/1/issues', 'github:write'],
    ['github GET /organizations/1/hooks', 'github:admin'],
    ['github GET /api/v3/repos/o/r/hooks', 'github:admin'],
    ['github DELETE /api/v3/repositories/1', 'github:delete'],
    ['github GET /user/1/settings/billing/x', 'github:read github:billing'],
    ['github GET /repos/o/r/branches/feature%2Fx', 'github:read'],
    ['github PUT /repos/o/r/branches/a%2Fb/protection', 'github:admin'],
    ['github GET /repos/o/r%2Fhooks', 'github:read github:admin'],
    ['discord GET /api/v9/channels/1', 'discord:read'],
    ['discord DELETE /api/channels/1', 'discord:delete'],
    ['twilio GET /2010-04-01/Accounts/AC1/Keys.json', 'twilio:secrets'],
    ['twilio GET /2010-04-01/Accounts/AC1/Keys', 'twilio:secrets'],
  ])('%s needs %s', async (line, scopes) => {
    expect(await judge(line)).toBe(scopes)
  })

  it.each([
    ['github DELETE /repositories/1/unknown/x', 'operation_unknown'],
    ['github POST /graphql', 'operation_unsupported'],
    ['github POST /api/graphql', 'operation_unsupported'],
    ['google-gmail POST /batch/gmail/v1', 'operation_unsupported'],
    ['linear POST /graphql', 'operation_unsupported'],
    ['stripe POST /v1/Refunds', 'operation_denied'],
    ['stripe TRACE /v1/charges', 'method_not_allowed'],
    ['stripe OPTIONS /v1/charges', 'method_not_allowed'],
    ['stripe get /v1/charges', 'method_not_allowed'],
    ['google-calendar GET /drive/v3/files', 'operation_unknown'],
    ['stripe GET /v1/charges/', 'operation_unknown'],
  ])('refuses %s: %s', (line, reason) => {
    expect(match(line, undefined)).toMatchObject({ ok: false, error: { reason } })
  })

  it('moves new endpoints with a sensitive word to the dangerous scope', async () => {
    expect(await judge('stripe POST /v1/invoices/in_1/refund_all')).toBe('stripe:refund')
    expect(await judge('stripe GET /v1/terminal/secrets')).toBe('stripe:secrets')
    expect(await judge('stripe GET /v1/terminal/SECRETS')).toBe('stripe:secrets')
    expect(await judge('stripe GET /v1/tokens/tok_1')).toBe('stripe:read')
  })
})

describe('the host of a request', () => {
  const resolve = (line: string, named?: string) => {
    const [id = '', method = '', path = ''] = line.split(' ')
    const service = catalog.services.get(id)
    if (!service) throw new Error(id)
    const target = parseTarget(path, service)
    return catalog.resolveHost(service, {
      named,
      method,
      target: target.ok ? target.value : undefined,
    })
  }

  it.each([
    ['stripe POST /v1/charges', 'api.stripe.com'],
    ['stripe POST /v1/files', 'files.stripe.com'],
    ['stripe POST /oauth/token', 'connect.stripe.com'],
    ['openai POST /v1/responses', 'api.openai.com'],
    ['digitalocean POST /v1/chat/completions', 'inference.do-ai.run'],
    ['twilio GET /2010-04-01/Accounts/AC1/Messages.json', 'api.twilio.com'],
    ['twilio POST /v1/Credentials/AWS', undefined],
    ['github-git GET /a/b/info/refs', 'github.com'],
    ['stripe GET /v1//x', 'api.stripe.com'],
  ])('of %s is %s', (line, host) => {
    const chosen = resolve(line)
    if (host !== undefined) expect(chosen).toEqual({ ok: true, value: host })
    else expect(chosen).toMatchObject({ ok: false, error: { reason: 'host_ambiguous' } })
  })

  it('CE-07 is never one that the service does not list', () => {
    for (const named of ['evil.example', 'x.ghe.com', 'API.github.com', 'api.github.com.'])
      expect(resolve('github GET /', named)).toEqual({
        ok: false,
        error: { reason: 'host_unknown', host: named },
      })
  })

  it('serves what `only` lists and nothing else', () => {
    expect(match('stripe GET /v1/charges', 'files.stripe.com').ok).toBe(false)
    expect(match('stripe POST /v1/files', 'files.stripe.com').ok).toBe(true)
    expect(match('github GET /repos/o/r', 'raw.githubusercontent.com')).toMatchObject({
      value: { rule: 'GET /*/*/**' },
    })
    expect(match('github GET /repos/o/r', 'objects.githubusercontent.com').ok).toBe(false)
  })
})

describe('loading', () => {
  const directories: string[] = []
  afterAll(async () => {
    for (const directory of directories) await rm(directory, { recursive: true })
  })

  async function directoryWith(files: Record<string, string>): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), 'catalog-'))
    directories.push(directory)
    await mkdir(join(directory, 'services'))
    for (const [name, text] of Object.entries(files))
      await writeFile(join(directory, 'services', name), text)
    return directory
  }

  it('finds the 19 built-in services', () => {
    expect(builtinServicesDirectory()).toMatch(/services$/)
    expect(catalog.services.size).toBe(19)
    expect([...catalog.services.values()].filter(({ support }) => !support.ready)).toMatchObject([
      { id: 'linear' },
    ])
  })

  it('has no rule that lets changes below a whole version through', () => {
    const root = /^(?!GET )\S+ (\/api|\/client)?(\/v\d+)?\/\*\*$/
    for (const { id, definition } of catalog.services.values()) {
      const rules = (definition.rules ?? []) as { scope: string; match: string[] }[]
      const lines = rules.filter(({ scope }) => scope !== 'deny').flatMap(({ match }) => match)
      expect(
        lines.filter((line) => root.test(line)),
        id,
      ).toEqual([])
    }
  })

  it("adds the operator's own files and settings", async () => {
    const configDirectory = await directoryWith({
      'stripe-eu.yaml': 'schema: 1\nid: stripe-eu\nextends: stripe\nname: Stripe EU\n',
    })
    const loaded = await loadCatalog({
      configDirectory,
      settings: new Map([['mock', { extends: 'stripe-eu', hosts: [] }]]),
    })
    expect(loaded.services.size).toBe(21)
    expect(loaded.scopes.get('stripe-eu:refund')).toMatchObject({ risk: 'money' })
    expect(loaded.services.get('mock')).toMatchObject({
      credential: 'mock',
      name: 'Stripe EU (mock)',
    })
    expect(match('mock POST /v1/refunds', undefined, loaded)).toMatchObject({
      value: { baseScopes: ['mock:refund'] },
    })
  })

  it('reports every mistake of every file at once, with lines', async () => {
    const configDirectory = await directoryWith({
      'a.yaml': 'schema: 1\nid: a1\nextends: strype\n',
      'b.yaml': 'schema: 1\nid: b1\nextends: stripe\nruels: []\n',
      'c.yaml': 'a: [\n',
    })
    const loading = loadCatalog({ configDirectory, settings: new Map([['strip', {}]]) })
    await expect(loading).rejects.toMatchObject({ code: 'catalog_invalid' })
    const message = await loading.catch((error: unknown) => (error as Error).message)
    expect(message).toContain('a.yaml:3: there is no service "strype"; did you mean "stripe"?')
    expect(message).toContain('b.yaml:4: unknown key "ruels"; did you mean "rules"?')
    expect(message).toContain('c.yaml:')
    expect(message).toContain('services.strip: there is no service "strip"; did you mean "stripe"?')
  })
})
