import { Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { createPrint, ReaderGone } from './reader-gone.ts'

function failingWith(code: string): Writable {
  return new Writable({
    write: (_chunk, _encoding, done) => {
      done(Object.assign(new Error(code), { code }))
    },
  })
}

it('ends a command quietly once nobody reads what it prints', async () => {
  const print = createPrint(failingWith('EPIPE'))
  print('seen by nobody')
  await setImmediate()
  expect(() => {
    print('more')
  }).toThrow(ReaderGone)
})

it('listens to the stream only when it prints: a server goes its own way', () => {
  const stream = failingWith('EPIPE')
  createPrint(stream)
  expect(stream.listenerCount('error')).toBe(0)
})
