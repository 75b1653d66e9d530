import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AuditLog } from '../../src/audit/audit-log.ts'
import type { AuditQuery, AuditReader, AuditRecord } from '../../src/audit/audit-reader.ts'
import { aGrant, anAccess, NOW } from '../support/grants.ts'
import {
  aChange,
  anIntent,
  anOutcome,
  anUnrecognised,
  aRefusal,
  aRequestId,
  intentOf,
} from '../support/audit.ts'

export interface OpenedAuditLog {
  readonly log: AuditLog
  /** Reads what the log has written. */
  readonly reader: AuditReader
  /** Everything that is durable by now, but for what only a kind of log has (`segment`). */
  readonly records: () => Promise<readonly AuditRecord[]>
  /** From now on nothing can be written. */
  readonly breakDisk: () => void
  readonly mendDisk: () => void
  readonly remove: () => Promise<void>
}

/** Opens an empty log whose clock stands at `NOW`. */
export type OpenAuditLog = () => Promise<OpenedAuditLog>

const unavailable = expect.objectContaining({ code: 'audit_unavailable' }) as Error

/** What every audit log must do; each implementation's test calls this once. */
export function auditLogContract(name: string, open: OpenAuditLog): void {
  let opened: OpenedAuditLog
  let log: AuditLog

  beforeEach(async () => {
    opened = await open()
    log = opened.log
  })

  afterEach(async () => {
    opened.mendDisk()
    await log.close()
    await opened.remove()
  })

  const only = async (kind: string): Promise<AuditRecord> => {
    const found = (await opened.records()).filter((record) => record.kind === kind)
    expect(found).toHaveLength(1)
    return found[0]!
  }

  describe(`${name} as an audit log`, () => {
    it('holds an intent when it says so, with who, what and with which credential', async () => {
      await log.intent(anIntent({ parameters: { query: { limit: '10' } }, userAgent: 'curl/8' }))
      expect(await only('intent')).toMatchObject({
        time: new Date(NOW).toISOString(),
        requestId: aRequestId(1),
        at: new Date(NOW).toISOString(),
        agent: 'order-processing-agent',
        tokenId: 'tok_00000000000000000001',
        sessionId: null,
        chain: [],
        issuedBy: 'alice',
        service: 'stripe',
        scopes: ['stripe:write'],
        method: 'POST',
        host: 'api.stripe.com',
        rule: 'POST /v1/charges',
        path: '/v1/charges',
        parameters: { query: { limit: '10' } },
        decision: 'allow',
        origin: 'https://api.stripe.com',
        credential: { name: 'stripe', version: '3' },
        source: '127.0.0.1',
        userAgent: 'curl/8',
        catalogDigest: expect.stringMatching(/^c0ffee0+$/) as string,
        marks: [],
      })
    })

    it('AU-06 takes the identity from the token and the source from the socket', async () => {
      const { grant } = anIntent()
      const child = { ...grant, chain: ['tok_root', 'tok_parent'], sessionId: 'ses_1' }
      await log.intent(anIntent({ grant: child, userAgent: 'X-Agent: admin' }))
      expect(await only('intent')).toMatchObject({
        agent: 'order-processing-agent',
        sessionId: 'ses_1',
        chain: ['tok_root', 'tok_parent'],
        source: '127.0.0.1',
      })
    })

    it('holds how a request ended under the id of its intent', async () => {
      await log.intent(anIntent())
      log.outcome(anOutcome({ result: 'cut', cause: 'terminated_by_revoke' }))
      await vi.waitFor(async () => {
        expect(await only('outcome')).toMatchObject({
          requestId: aRequestId(1),
          result: 'cut',
          cause: 'terminated_by_revoke',
          status: 200,
          requestBytes: 120,
          responseBytes: 4096,
          durationsMs: { admitted: 1.5, firstByte: 80.25, total: 81 },
        })
      })
    })

    it('AU-07 holds a refusal with its reason and everything that belongs to it', async () => {
      await log.refusal(aRefusal({ marks: ['real_credential'] }))
      expect(await only('refusal')).toMatchObject({
        requestId: aRequestId(1),
        agent: 'order-processing-agent',
        decision: 'deny',
        reason: 'scope_missing',
        details: { missing: ['stripe:refund'], risk: 'money' },
        path: '/v1/refunds',
        marks: ['real_credential'],
      })
    })

    it('holds a refusal of which next to nothing was known', async () => {
      await log.refusal(aRefusal({ access: {}, refusal: { reason: 'token_revoked' } }))
      const unknown = {
        service: null,
        method: null,
        host: null,
        path: null,
        rule: null,
        scopes: [],
      }
      expect(await only('refusal')).toMatchObject({ ...unknown, reason: 'token_revoked' })
    })

    it("holds a change with the operator's name and the difference", async () => {
      await log.change(aChange())
      expect(await only('change')).toMatchObject({
        at: new Date(NOW).toISOString(),
        operator: 'alice',
        action: 'token.issue',
        target: 'tok_00000000000000000001',
        result: 'done',
        details: { scopes: ['stripe:read'] },
        source: '127.0.0.1',
      })
    })

    it('AU-07 counts refusals before a token was recognised, with one sample', async () => {
      for (let address = 1; address <= 5; address++)
        log.count(anUnrecognised({ source: `203.0.113.${address}` }))
      log.count(anUnrecognised({ at: NOW + 1000 }))
      log.count(anUnrecognised({ reason: 'token_malformed' }))
      await log.change(aChange())
      await vi.waitFor(
        async () => {
          const counted = (await opened.records()).filter(({ kind }) => kind === 'counted')
          expect(counted.map(({ reason, count }) => [reason, count])).toEqual([
            ['token_unknown', 5],
            ['token_malformed', 1],
            ['token_unknown', 1],
          ])
          expect(counted[0]).toMatchObject({
            network: '203.0.113.0/24',
            decision: 'deny',
            sample: { source: '203.0.113.1', service: 'stripe', digestPrefix: '0badc0de' },
          })
        },
        { timeout: 3000 },
      )
    })

    it('numbers its records without a gap', async () => {
      await Promise.all(Array.from({ length: 50 }, (_, number) => log.intent(intentOf(number))))
      const numbers = (await opened.records()).map(({ seq }) => Number(seq))
      expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index))
      expect(log.status()).toMatchObject({ writable: true, records: numbers.at(-1) })
      expect(log.status().bytes).toBeGreaterThan(50 * 400)
    })

    it.each<[string, Partial<AuditQuery>, readonly string[]]>([
      ['everything, oldest first', {}, ['intent', 'intent', 'refusal', 'change']],
      ['no more than was asked for', { limit: 2 }, ['intent', 'intent']],
      ['one agent', { agent: 'order-processing-agent' }, ['intent', 'refusal']],
      ['one service', { service: 'openai' }, ['intent']],
      ['what was allowed', { decision: 'allow' }, ['intent', 'intent']],
      ['what was refused', { decision: 'deny' }, ['refusal']],
      ['from an instant on', { since: NOW }, ['intent', 'intent', 'refusal', 'change']],
      ['before an instant', { until: NOW }, []],
    ])('is read back: %s', async (_case, asked, kinds) => {
      const other = anAccess({ requestId: aRequestId(2), service: 'openai' })
      await log.intent(intentOf(1))
      await log.intent(anIntent({ grant: aGrant({ agent: 'other' }), access: other }))
      log.outcome(anOutcome({ requestId: aRequestId(1), status: 201 }))
      await log.refusal(aRefusal({ requestId: aRequestId(3) }))
      await log.change(aChange({ requestId: aRequestId(4) }))
      const { items } = await opened.reader.query({ limit: 100, ...asked })
      expect(items.map(({ kind }) => kind)).toEqual(kinds)
      for (const { requestId, outcome } of items.filter(({ kind }) => kind === 'intent'))
        if (requestId === aRequestId(1)) expect(outcome).toMatchObject({ status: 201 })
        else expect(outcome).toBeNull()
    })

    it('AU-02 refuses to be silent: each waiting caller is told within a second', async () => {
      opened.breakDisk()
      const started = performance.now()
      await expect(log.intent(anIntent())).rejects.toThrow(unavailable)
      await expect(log.refusal(aRefusal())).rejects.toThrow(unavailable)
      await expect(log.change(aChange())).rejects.toThrow(unavailable)
      expect(performance.now() - started).toBeLessThan(1000)
      expect(log.status()).toMatchObject({ writable: false, problem: expect.any(String) as string })
    })

    it('AU-02 recovers by itself, and how requests ended is not lost', async () => {
      await log.intent(anIntent())
      opened.breakDisk()
      await expect(log.intent(intentOf(2))).rejects.toThrow(unavailable)
      log.outcome(anOutcome({ status: 418 }))
      opened.mendDisk()
      await vi.waitFor(
        () => {
          expect(log.status()).toMatchObject({ writable: true })
        },
        { timeout: 3000 },
      )
      await log.intent(intentOf(3))
      expect(await only('outcome')).toMatchObject({ status: 418 })
      const intents = (await opened.records()).filter(({ kind }) => kind === 'intent')
      expect(intents.map(({ requestId }) => requestId)).toEqual([aRequestId(1), aRequestId(3)])
    })

    it('writes everything that is buffered before it closes, and nothing after', async () => {
      await log.intent(anIntent())
      log.outcome(anOutcome())
      log.count(anUnrecognised())
      await log.close()
      const kinds = (await opened.records()).map(({ kind }) => kind)
      expect(kinds.toSorted()).toEqual(['counted', 'intent', 'outcome'])
      await expect(log.intent(intentOf(2))).rejects.toThrow(unavailable)
      expect(log.status().writable).toBe(false)
    })
  })
}
