/**
 * Every reason for a no, provoked at the running data plane: what it leaves in the audit. The table
 * names each reason of policy/refusal.ts, so that a new one does not compile until it stands here.
 */

import { expect, it } from 'vitest'
import { createGate } from '../../src/fleet/gate.ts'
import type { RefusalReason } from '../../src/policy/refusal.ts'
import { formatTime } from '../../src/injection/sigv4/canonical.ts'
import { mintToken } from '../../src/token/token.ts'
import { makeKey } from '../support/canary.ts'
import { startPlane, type PlaneOptions, type TestPlane } from '../support/data-plane.ts'
import { openService } from '../support/open-service.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'

/** What is sent, as it stands on the wire. */
type Provoke = (plane: TestPlane) => string

interface Case {
  readonly provoke: Provoke
  readonly options?: PlaneOptions
  /** Sends it so often before the one that counts. */
  readonly before?: number
}

interface More {
  readonly headers?: readonly string[]
  readonly body?: string
}

const sent = (token: string, line: string, { headers = [], body = '' }: More = {}): string =>
  requestText(line, ['Host: localhost', `Authorization: Bearer ${token}`, ...headers], body)

/** Of a token with the usual scopes. */
const asked =
  (line: string, more?: More): Provoke =>
  (plane) =>
    sent(plane.issue(), line, more)

const LINE = 'GET /v1/customers'
const FORM = 'Content-Type: application/x-www-form-urlencoded'
const CREATE = 'POST /v1/customers'

const TWINS = openService('twins').replace(
  /hosts: .*/,
  ['one', 'two']
    .map((name) => `{host: ${name}.twins.example, role: api, only: ["GET /both"]}`)
    .join(', ')
    .replace(/.*/, 'hosts: [$&]'),
)

const gateOf = (agentIsDisabled: boolean) => {
  const gate = createGate({ isCurrent: () => agentIsDisabled })
  const id = 'order-processing-agent'
  if (agentIsDisabled)
    gate.apply({ sequence: 1, at: 0, kind: 'agent', id, generation: 2, disabled: true })
  return gate
}

/** Before a token is recognised: counted. */
const COUNTED = {
  token_missing: { provoke: () => requestText(LINE, ['Host: localhost']) },
  token_malformed: { provoke: () => sent('nothing-of-ours', LINE) },
  token_unknown: { provoke: () => sent(mintToken('pt', 'live'), LINE) },
  token_wrong_kind: { provoke: () => sent(mintToken('mt', 'live'), LINE) },
  token_wrong_environment: { provoke: () => sent(mintToken('pt', 'test'), LINE) },
  two_tokens: {
    provoke: (plane) =>
      sent(plane.issue(), LINE, { headers: [`X-Phantom-Token: ${plane.issue()}`] }),
  },
  request_malformed: { provoke: () => 'GET /v1/customers HTTP/1.1\r\nno colon here\r\n\r\n' },
  source_throttled: {
    provoke: () => sent(mintToken('pt', 'live'), LINE),
    options: { limits: { throttle: { perSource: 1, overall: 1000 } } },
    before: 3,
  },
} satisfies Partial<Record<RefusalReason, Case>>

/** Complete and of now, but not made with any key. */
function signedRequest(plane: TestPlane, payload: string): string {
  const { accessKeyId } = plane.keyPair(plane.issue({ scope: 'aws:read' }))
  const time = formatTime(plane.clock.now)
  const scope = `${accessKeyId}/${time.slice(0, 8)}/eu-west-1/s3/aws4_request`
  const signed = 'SignedHeaders=host;x-amz-content-sha256;x-amz-date'
  const signature = `${signed}, Signature=${'0'.repeat(64)}`
  return requestText('GET /', [
    'Host: localhost',
    `X-Amz-Date: ${time}`,
    `X-Amz-Content-Sha256: ${payload}`,
    `Authorization: AWS4-HMAC-SHA256 Credential=${scope}, ${signature}`,
  ])
}

/** Of a token that is recognised: one record. */
const RECORDED = {
  token_expired: {
    provoke: (plane) => sent(plane.issue({ expiresAt: plane.clock.now - 1 }), LINE),
  },
  token_revoked: {
    provoke: (plane) => {
      const token = plane.issue()
      plane.revoke(token)
      return sent(token, LINE)
    },
  },
  token_suspended: {
    provoke: (plane) => {
      const token = plane.issue()
      plane.suspend(token)
      return sent(token, LINE)
    },
  },
  agent_disabled: { provoke: asked(LINE), options: { gate: gateOf(true) } },
  replica_stale: { provoke: asked(LINE), options: { gate: gateOf(false) } },
  binding_mismatch: {
    provoke: (plane) => sent(plane.issue({ bindings: { cidr: ['10.0.0.0/8'] } }), LINE),
  },
  token_in_url: {
    provoke: (plane) => sent(plane.issue(), `${LINE}?note=${mintToken('pt', 'live')}`),
  },
  signature_invalid: {
    provoke: (plane) => signedRequest(plane, 'UNSIGNED-PAYLOAD'),
  },
  signature_missing: { provoke: (plane) => sent(plane.issue({ scope: 'aws:read' }), 'GET /') },
  signature_unsupported: {
    provoke: (plane) => signedRequest(plane, 'STREAMING-AWS4-HMAC-SHA256-EVENTS'),
  },
  service_unknown: {
    provoke: (plane) => sent(plane.issue({ scope: 'stripe:read,twins:all' }), 'GET /nowhere/x'),
  },
  service_not_granted: { provoke: asked('GET /openai/v1/models') },
  service_unsupported: {
    provoke: (plane) => sent(plane.issue({ scope: 'linear:read' }), 'POST /graphql'),
  },
  host_ambiguous: { provoke: (plane) => sent(plane.issue({ scope: 'twins:all' }), 'GET /both') },
  host_unknown: { provoke: asked('GET /~evil.example/v1/customers') },
  target_not_canonical: { provoke: asked('GET /v1/../x') },
  operation_unknown: { provoke: asked('POST /v1/unheard_of') },
  method_not_allowed: { provoke: asked('PROPFIND /v1/customers') },
  scope_missing: { provoke: asked('POST /v1/refunds') },
  guard_denied: { provoke: asked(`${LINE}?key=1`) },
  acting_as_not_allowed: { provoke: asked(LINE, { headers: ['Stripe-Account: acct_1'] }) },
  real_credential_presented: {
    provoke: (plane) =>
      requestText(LINE, [
        'Host: localhost',
        `X-Phantom-Token: ${plane.issue()}`,
        `Authorization: Bearer ${makeKey('sk_live_')}`,
      ]),
  },
  body_unreadable: {
    provoke: asked(CREATE, { headers: [FORM, 'Transfer-Encoding: chunked'], body: 'no size\r\n' }),
  },
  body_too_large: { provoke: asked(CREATE, { headers: [FORM, `Content-Length: ${64 << 20}`] }) },
  overloaded: {
    provoke: asked(CREATE, { headers: [FORM, 'Content-Length: 6'], body: 'name=x' }),
    options: { limits: { heldBodyBytes: 1 } },
  },
  upgrade_refused: {
    provoke: asked(LINE, { headers: ['Connection: Upgrade', 'Upgrade: websocket'] }),
  },
  credential_not_configured: {
    provoke: (plane) => {
      plane.credentials.set('stripe', { reason: 'credential_not_configured' })
      return sent(plane.issue(), LINE)
    },
  },
  secret_unavailable: {
    provoke: (plane) => {
      plane.credentials.set('stripe', { reason: 'secret_unavailable' })
      return sent(plane.issue(), LINE)
    },
  },
  rate_limited: {
    provoke: (plane) => sent(plane.issue({ limits: { ratePerSecond: 0.001 } }), LINE),
    before: 2,
  },
  quota_exhausted: {
    provoke: (plane) => sent(plane.issue({ limits: { maxRequests: 1 } }), LINE),
    before: 1,
  },
  internal_failure: {
    provoke: asked(LINE),
    options: {
      describeParameters: () => {
        throw new Error('a fault to order')
      },
    },
  },
} satisfies Partial<Record<RefusalReason, Case>>

/** What cannot leave a record of its own, and why. */
const UNRECORDED = {
  audit_unavailable:
    'there is nowhere to write it; the record of the interruption says how many were refused',
} satisfies Partial<Record<RefusalReason, string>>

/** Does not compile while a reason is in none of the three. */
const ALL: Record<RefusalReason, Case | string> = { ...COUNTED, ...RECORDED, ...UNRECORDED }

async function provoke({ options = {}, provoke: make, before = 0 }: Case): Promise<TestPlane> {
  const plane = await startPlane({ serviceFiles: { 'twins.yaml': TWINS }, ...options })
  const text = make(plane)
  for (let count = 0; count < before; count++) await exchangeRaw(plane.port, text)
  plane.forget()
  expect((await exchangeRaw(plane.port, text)).status).toBeGreaterThanOrEqual(400)
  while (plane.audit.refusals.length + plane.audit.counts.length === 0)
    await new Promise((resolve) => setImmediate(resolve))
  expect([plane.audit.intents, plane.upstream.requests]).toEqual([[], []])
  await plane.stop()
  return plane
}

it.each<[string, Case]>(Object.entries(COUNTED))(
  'AU-07 counts %s, with its reason and where it came from',
  async (reason, each) => {
    const { audit } = await provoke(each)
    expect(audit.counts).toMatchObject([{ reason, source: '127.0.0.1' }])
    expect(audit.refusals).toEqual([])
  },
)

it.each<[string, Case]>(Object.entries(RECORDED))(
  'AU-07 leaves exactly one record of %s, with its reason and its agent',
  async (reason, each) => {
    const { audit } = await provoke(each)
    const grant = { agent: 'order-processing-agent' }
    expect(audit.refusals).toMatchObject([{ refusal: { reason }, grant, source: '127.0.0.1' }])
    expect(audit.counts).toEqual([])
  },
)

it.each<[string, Case]>([
  ['token_revoked', RECORDED.token_revoked],
  ['agent_disabled', RECORDED.agent_disabled],
])('AU-07 records with %s since when it is so', async (reason, each) => {
  const { audit } = await provoke(each)
  const revokedAt = expect.any(Number) as number
  expect(audit.refusals).toMatchObject([{ refusal: { reason, revokedAt } }])
})

it('AU-07 knows of every reason that there is', () => {
  expect(Object.keys(ALL)).toHaveLength(40)
})
