import { describe, expect, it } from 'vitest'
import { Failure } from '../base/errors.ts'
import { createChannel, type ChannelParts } from './channel.ts'

interface Answering {
  double(values: ReadonlySet<number>): Promise<ReadonlySet<number>>
  refuse(): Promise<void>
  crash(): Promise<void>
  stall(): Promise<void>
}

const calls: Answering = {
  double: async (values) => new Set([...values].map((value) => value * 2)),
  refuse: () => Promise.reject(new Failure('state_locked', 'somebody has it')),
  crash: () => Promise.reject(new Error('pt_live_secret')),
  stall: () => new Promise(() => undefined),
}

/** Two ends of a pipe that copies what it carries, as one between processes does. */
function connected(change: Partial<ChannelParts<Answering>> = {}) {
  const asking = createChannel<Answering, object>({
    send: (message) => {
      answering.receive(structuredClone(message))
    },
    calls: {},
    timeoutMs: 20,
  })
  const answering = createChannel<object, Answering>({
    send: (message) => {
      asking.receive(structuredClone(message))
    },
    calls,
    timeoutMs: 20,
    ...change,
  })
  return asking
}

describe('a channel between two processes', () => {
  it('answers with what the other side makes of the question', async () => {
    const channel = connected()
    expect(await channel.ask('double', new Set([1, 2]))).toEqual(new Set([2, 4]))
  })

  it('keeps the words of a failure, and of no other error', async () => {
    const channel = connected()
    await expect(channel.ask('refuse')).rejects.toMatchObject({ code: 'state_locked' })
    const crash = await channel.ask('crash').catch((error: unknown) => String(error))
    expect(crash).not.toContain('secret')
  })

  it('fails as a store does that is down when no answer comes in time', async () => {
    const channel = connected()
    await expect(channel.ask('stall')).rejects.toMatchObject({ code: 'database_unavailable' })
  })

  it('fails whoever waits when it ends, and everybody afterwards', async () => {
    const channel = connected()
    const waiting = channel.within(60_000).ask('stall')
    channel.end()
    await expect(waiting).rejects.toBeInstanceOf(Failure)
    await expect(channel.ask('double', new Set())).rejects.toBeInstanceOf(Failure)
  })

  it('refuses calls that it does not know, and arguments that are not accepted', async () => {
    const check = (name: string) => {
      if (name === 'double') throw new Failure('refused', 'not that')
    }
    const channel = connected({ check })
    await expect(channel.ask('double', new Set())).rejects.toMatchObject({ code: 'refused' })
    for (const name of ['toString', 'constructor', '__proto__', 'nothing'])
      await expect(channel.ask(name as 'crash')).rejects.toMatchObject({ code: 'refused' })
  })

  it.each([undefined, null, 7, 'ask', {}, { answer: 99, value: 1 }, { failed: 99 }])(
    'leaves alone what answers no question of its own: %j',
    (message) => {
      expect(() => {
        connected().receive(message)
      }).not.toThrow()
    },
  )
})
