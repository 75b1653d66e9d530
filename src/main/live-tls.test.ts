import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createAuthority, issueBad, type Leaf } from '../../test/support/pki.ts'
import { createTemporaryDirectory, type TemporaryDirectory } from '../../test/support/temporary.ts'
import type { Log, LogFields } from '../base/log.ts'
import type { TlsPair } from '../config/tls-files.ts'
import { openTls, type LiveTls } from './live-tls.ts'

const authority = createAuthority()
const issue = (): Leaf => authority.issue({ names: ['localhost'] })
const LOOK_EVERY_MS = 15

let directory: TemporaryDirectory
let events: [event: string, fields: LogFields | undefined][]
let live: LiveTls | undefined
let renewed: TlsPair[]

beforeEach(() => {
  directory = createTemporaryDirectory()
  events = []
  renewed = []
})
afterEach(() => {
  live?.close()
  directory.remove()
})

const path = (name: string) => join(directory.path, name)

function place(name: 'tls.pem' | 'tls.key', text: string): void {
  writeFileSync(path('new'), text, { mode: 0o600 })
  renameSync(path('new'), path(name))
}

function placePair({ cert, key }: Leaf): void {
  place('tls.pem', cert)
  place('tls.key', key)
}

function open(leaf: Leaf): LiveTls {
  placePair(leaf)
  const note = (event: string, fields?: LogFields) => void events.push([event, fields])
  const log: Log = { debug: note, info: note, warn: note, error: note }
  const files = { cert: path('tls.pem'), key: path('tls.key') }
  live = openTls({ plane: 'data', files, log, now: Date.now, lookEveryMs: LOOK_EVERY_MS })
  live.follow((pair) => renewed.push(pair))
  return live
}

const eventNames = () => events.map(([event]) => event)

describe('the certificate of a plane that serves', () => {
  it('is read again on demand, and said only when it is another', () => {
    const [first, second] = [issue(), issue()]
    const tls = open(first)
    tls.reload()
    expect(renewed).toEqual([])
    placePair(second)
    tls.reload()
    expect(renewed.map(({ cert }) => cert)).toEqual([second.cert])
    expect(tls.current.cert).toBe(second.cert)
    expect(eventNames().filter((event) => event === 'tls_renewed')).toHaveLength(1)
  })

  it('is read again when its files have changed', async () => {
    const second = issue()
    const tls = open(issue())
    placePair(second)
    await vi.waitFor(() => {
      expect(tls.current).toMatchObject(second)
    })
    expect(renewed.at(-1)).toMatchObject(second)
  })

  it.each([
    [
      'does not fit its key',
      () => {
        place('tls.pem', issue().cert)
      },
      'does not belong',
    ],
    [
      'is gone',
      () => {
        renameSync(path('tls.pem'), path('away'))
      },
      'ENOENT',
    ],
    [
      'is expired',
      () => {
        placePair(issueBad(authority, 'expired'))
      },
      'is expired',
    ],
  ])('stays when the new one %s', (_case, spoil, words) => {
    const first = issue()
    const tls = open(first)
    spoil()
    tls.reload()
    expect(tls.current.cert).toBe(first.cert)
    expect(renewed).toEqual([])
    expect(events.at(-1)?.[0]).toBe('tls_not_renewed')
    expect(events.at(-1)?.[1]?.problem).toContain(words)
  })

  it.each([
    ['expired', Date.now() - 1000, 'tls_expired'],
    ['about to expire', Date.now() + 86_400_000, 'tls_expires_soon'],
  ])('is warned of when it is %s', (_case, end, event) => {
    const notBefore = new Date(end - 86_400_000 * 3)
    open(authority.issue({ names: ['localhost'], notBefore, notAfter: new Date(end) }))
    expect(eventNames()).toEqual([event])
  })
})
