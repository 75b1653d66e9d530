/** A credential in a file, on a running server with two workers: replaced, and gone bad, under load. */

import { renameSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startStoreBed, type StoreBed } from '../support/store-bed.ts'

const OLD = 'sk_live_old_canary3f9d2c'
const NEW = 'sk_live_new_canary3f9d2c'
const NEWEST = 'sk_live_newest_canary3f9d2c'

let bed: StoreBed

beforeAll(async () => {
  bed = await startStoreBed({
    source: (directory) => `file:${directory.write('stripe-key', OLD)}`,
  })
  bed.accept(OLD)
})
afterAll(() => bed.close())

const place = (name: string): string => join(bed.proxy.directory.path, name)

/** As whoever mounts secrets does: the new file is whole before it has the name. */
function replace(key: string): void {
  renameSync(bed.proxy.directory.write('next', key), place('stripe-key'))
}

/** Until the upstream has had this credential a few times more. */
async function served(key: string): Promise<void> {
  const before = bed.upstream.count(key)
  await bed.upstream.until(() => bed.upstream.count(key) > before + 50)
}

const sources = async () =>
  (await bed.proxy.client().secrets.sources()).items.filter(({ name }) => name === 'stripe')

/** Until each worker has another version than this one. */
async function otherThan(former: string | undefined): Promise<void> {
  while (!(await sources()).every(({ version }) => version !== undefined && version !== former));
}

/** Until each worker's newest error is this one, or none has one. */
async function errorEverywhere(problem: RegExp | undefined): Promise<void> {
  const isThere = (said: string | undefined) =>
    problem ? problem.test(said ?? '') : said === undefined
  while (!(await sources()).every(({ lastError }) => isThere(lastError?.problem)));
}

it('is replaced in the middle of load, and no request fails', async () => {
  const stop = bed.load()
  bed.accept(OLD, NEW)
  await served(OLD)
  const former = (await sources()).find(({ version }) => version !== undefined)?.version
  replace(NEW)
  await served(NEW)
  // Both workers have read it when nobody sends the old one any more.
  await otherThan(former)
  bed.accept(NEW)
  await served(NEW)
  expect([...(await stop()).keys()]).toEqual([200])
})

it('serves on while its file cannot be read, and takes the next one', async () => {
  const stop = bed.load()
  // Not even root can open a socket as a file.
  const socket = createServer().listen(place('socket'))
  await once(socket, 'listening')
  renameSync(place('socket'), place('stripe-key'))
  await errorEverywhere(/cannot be read: ENXIO/)
  await served(NEW)
  bed.accept(NEW, NEWEST)
  replace(NEWEST)
  await errorEverywhere(undefined)
  bed.accept(NEWEST)
  await served(NEWEST)
  expect([...(await stop()).keys()]).toEqual([200])
  socket.close()
})

it('is refused once its file holds nothing that can be used', async () => {
  replace('')
  const until = Date.now() + 40_000
  let answer = await bed.call()
  while (answer.status === 200) {
    expect(Date.now()).toBeLessThan(until)
    answer = await bed.call()
  }
  expect([answer.status, answer.body]).toEqual([503, expect.stringContaining('secret_unavailable')])
})
