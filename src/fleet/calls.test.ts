import { describe, expect, it } from 'vitest'
import { checkServerCall, remoteStores, type ServerCalls } from './calls.ts'

describe('what a worker asks of its server', () => {
  it.each<[string, readonly unknown[]]>([
    ['findByDigest', ['digest']],
    ['reserve', ['tok_one', 64]],
    ['touch', [new Map([['tok_one', 1_700_000_000_000]])]],
    ['ready', [[{ address: '127.0.0.1:1', service: undefined, isSecure: false }], 'digest']],
  ])('is taken: %s', (name, given) => {
    expect(() => {
      checkServerCall(name, given)
    }).not.toThrow()
  })

  it.each<[string, readonly unknown[]]>([
    ['insert', [{}]],
    ['constructor', []],
    ['findByDigest', []],
    ['findByDigest', [{}]],
    ['findByDigest', ['digest', 'more']],
    ['reserve', ['tok_one', -1]],
    ['touch', [{ tok_one: 1 }]],
  ])('is refused: %s %j', (name, given) => {
    expect(() => {
      checkServerCall(name, given)
    }).toThrow('malformed')
  })

  it('knows the highest version that any worker has opened, as of the envelope it looks at', async () => {
    let floor = 1
    const server: Pick<ServerCalls<unknown>, 'findSealed'> = {
      findSealed: async () => ({ secret: undefined, floor }),
    }
    const { sealed, versions } = remoteStores({
      ask: (name, ...given) =>
        (server as ServerCalls<unknown>)[name](...(given as [never, never, never])) as never,
    })
    expect(versions.highest('stripe')).toBe(0)
    floor = 7
    await sealed.find('stripe')
    expect(versions.highest('stripe')).toBe(7)
  })
})
