/** What must hold of every store over the network, on a running server, while the store has trouble. */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAuthority, type Authority } from './pki.ts'
import { SLOW_MS, THROTTLED_SECONDS, type RemoteStore, type Trouble } from './remote-stores.ts'
import { startStoreBed, type StoreBed } from './store-bed.ts'

const OLD = 'sk_live_old_canary3f9d2c'
const NEW = 'sk_live_new_canary3f9d2c'

/** Tests in an order: they go on from what the one before left. */
export function remoteStoreSuite(open: (authority: Authority) => Promise<RemoteStore>): void {
  let bed: StoreBed
  let store: RemoteStore

  beforeAll(async () => {
    store = await open(createAuthority())
    store.put(OLD)
    bed = await startStoreBed(store)
    bed.accept(OLD)
  })
  afterAll(async () => {
    await bed.close()
    await store.close()
  })

  it('goes into requests, and many cause few questions', async () => {
    const since = Date.now()
    const answers = await Promise.all(Array.from({ length: 100 }, () => bed.call()))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(store.reads()).toBeLessThanOrEqual(2 * roundsSince(since))
  })

  it('is asked for no more often when services are listed again and again', async () => {
    const before = store.reads()
    const since = Date.now()
    const client = bed.proxy.client()
    for (let round = 0; round < 30; round++) {
      const { credentials } = await client.services.find('stripe')
      expect(credentials).toEqual([{ name: 'stripe', configured: true }])
    }
    expect(store.reads() - before).toBeLessThanOrEqual(roundsSince(since))
  })

  it('is rotated in the middle of load, and no request fails', async () => {
    const stop = bed.load()
    await rotate(OLD, NEW)
    expect([...(await stop()).keys()]).toEqual([200])
  })

  it('answers late, is rotated meanwhile, and no request fails', async () => {
    store.trouble('slow')
    const since = Date.now()
    const stop = bed.load()
    await rotate(NEW, OLD)
    expect([...(await stop()).keys()]).toEqual([200])
    expect(Date.now() - since).toBeGreaterThan(SLOW_MS)
    store.trouble(undefined)
  })

  it.each<[string, Trouble]>([
    ['is away (503)', 'down'],
    ['refuses (403)', 'forbidden'],
    ['asks to be left alone (429)', 'throttled'],
  ])('serves within its bound while the store %s, and not beyond it', async (_what, kind) => {
    await bed.askedEverywhere(Date.now())
    const before = store.reads()
    store.trouble(kind)
    const outage = await outlast()
    // Fresh for a second at most and stale for three more, in each worker.
    expect(outage.refusedMs).toBeGreaterThan(2500)
    expect(outage.lastGoodMs).toBeLessThan(5000)
    const asked = store.reads() - before
    expect(asked).toBeGreaterThan(0)
    if (kind === 'throttled') expect(asked).toBeLessThanOrEqual(mostAsked(outage.refusedMs))
    await recover()
  })

  it('serves nothing beyond its bound while the store never answers', async () => {
    await bed.askedEverywhere(Date.now())
    store.trouble('silent')
    const { lastGoodMs } = await outlast()
    expect(lastGoodMs).toBeLessThan(5000)
    await recover()
  })

  it('shows its source, version and last error in each worker, and never the value', async () => {
    await bed.askedEverywhere(Date.now())
    const good = await bed.proxy.commandWell(['secret', 'status', 'stripe', '--json'])
    expect(good.match(/"version": "\w+"/g)).toHaveLength(2)
    store.trouble('throttled')
    const shown = await shownWith('too many requests')
    store.trouble(undefined)
    expect(JSON.parse(shown)).toMatchObject({
      items: ['worker-1', 'worker-2'].map((process) => ({
        ...{ name: 'stripe', source: store.reference, process },
      })),
    })
    const table = await bed.proxy.commandWell(['secret', 'status'])
    expect(table).toMatch(new RegExp(`stripe +${store.reference} +worker-1`))
    for (const canary of [OLD, NEW]) expect(good + shown + table).not.toContain(canary)
  })

  it('CE-11 is nowhere in what the server printed', () => {
    const printed = bed.proxy.serves.map(({ output }) => output.stderr + output.stdout).join('')
    expect(printed).toContain('secret_store_down')
    for (const text of [OLD, NEW, 'canary3f9d2c', ...store.hidden()])
      expect(printed).not.toContain(text)
  })

  it('leaves nothing in the store that is still good', async () => {
    await bed.proxy.end('SIGTERM')
    expect(store.isLeft()).toBe(false)
  })

  /** As an operator does: the new one is good before it is stored, the old one until nobody has it. */
  async function rotate(from: string, to: string): Promise<void> {
    bed.accept(from, to)
    const version = store.put(to)
    await served(to)
    await bed.versionEverywhere(version)
    bed.accept(to)
    await served(to)
  }

  async function served(key: string): Promise<void> {
    const before = bed.upstream.count(key)
    await bed.upstream.until(() => bed.upstream.count(key) > before + 50)
  }

  /** Calls until one is refused, and says when the last good one began. */
  async function outlast(): Promise<{ readonly lastGoodMs: number; readonly refusedMs: number }> {
    const since = Date.now()
    for (let lastGood = since; ;) {
      const startedAt = Date.now()
      const { status, body } = await bed.call()
      if (status === 200) {
        lastGood = startedAt
        continue
      }
      expect([status, body]).toEqual([503, expect.stringContaining('secret_unavailable')])
      return { lastGoodMs: lastGood - since, refusedMs: Date.now() - since }
    }
  }

  async function recover(): Promise<void> {
    store.trouble(undefined)
    const until = Date.now() + 40_000
    while ((await bed.call()).status !== 200) expect(Date.now()).toBeLessThan(until)
  }

  /** `secret status` once every worker has had this trouble. */
  async function shownWith(words: string): Promise<string> {
    const until = Date.now() + 40_000
    for (;;) {
      await bed.call()
      const shown = await bed.proxy.commandWell(['secret', 'status', 'stripe', '--json'])
      if (shown.split(words).length > 2) return shown
      expect(Date.now()).toBeLessThan(until)
    }
  }

  /** Both workers, each of which waits as long as it was told. */
  const mostAsked = (ms: number): number =>
    2 * store.attempts * (1 + Math.ceil(ms / (THROTTLED_SECONDS * 1000)))
}

/** An answer ends after 0.8 s at the earliest, and then the store is asked once more. */
const roundsSince = (since: number): number => 1 + Math.ceil((Date.now() - since) / 800)
