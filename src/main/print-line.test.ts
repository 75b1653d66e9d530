import { PassThrough, Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { createPrintLine } from './print-line.ts'

it('prints a line', async () => {
  const stream = new PassThrough()
  await createPrintLine(stream)('hello')
  expect(String(stream.read())).toBe('hello\n')
})

it('says so when the reader has gone, and goes on', async () => {
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error('gone'), { code: 'EPIPE' }))
    },
  })
  const print = createPrintLine(stream)
  await expect(print('hello')).rejects.toThrow()
  await expect(print('hello')).rejects.toThrow()
})

it('keeps only so much for a reader that does not read', async () => {
  const stream = new Writable({ write: () => undefined })
  const print = createPrintLine(stream)
  const line = 'x'.repeat(64 * 1024)
  const waiting = Array.from({ length: 8 }, () => print(line))
  await expect(Promise.race(waiting)).rejects.toThrow('nobody reads')
  expect(stream.writableLength).toBeLessThan(400 * 1024)
  for (const each of waiting) each.catch(() => undefined)
})
