import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readHead } from './head.ts'

const read = (rawHeaders: readonly string[], version = '1.1') => readHead({ version, rawHeaders })

describe('readHead', () => {
  it('keeps order, values and spelling, and gives names in lower case', () => {
    expect(read(['Host', 'A.example:80', 'X-Two', '2', 'x-two', '3'])).toEqual({
      ok: true,
      value: {
        fields: [
          ['host', 'A.example:80'],
          ['x-two', '2'],
          ['x-two', '3'],
        ],
        spelling: ['Host', 'X-Two', 'x-two'],
        host: 'a.example:80',
        length: 0,
        awaitsContinue: false,
      },
    })
  })

  it.each([
    ['Content-Length', '12', 12],
    ['Transfer-Encoding', 'Chunked', undefined],
  ])('reads the framing of %s: %s', (name, value, length) => {
    expect(read(['host', 'a', name, value])).toMatchObject({ value: { length } })
  })

  it.each([
    [400, ['host', 'a', 'Host', 'a']],
    [400, ['host', 'a', 'authorization', 'x', 'Authorization', 'x']],
    [400, ['host', 'a', 'content-type', 'x', 'content-type', 'y']],
    [400, ['host', 'a', 'content-length', '1', 'transfer-encoding', 'chunked']],
    [400, ['host', 'a', 'content-length', '99999999999999999999']],
    [501, ['host', 'a', 'transfer-encoding', 'gzip, chunked']],
    [400, ['host', 'a', 'x_y', '1']],
    [400, []],
    [400, ['host', 'a b']],
    [400, ['host', '[::1']],
    [417, ['host', 'a', 'expect', 'x 100-continue']],
  ])('answers %i for %j', (status, headers) => {
    expect(read(headers)).toMatchObject({ ok: false, error: { status } })
  })

  it.each(['a', 'a.b', 'a.b.', 'a-b_c.d:1', '127.0.0.1:8900', '[::1]:65535', '[fe80::1]'])(
    'takes the host %s',
    (host) => {
      expect(read(['host', host])).toMatchObject({ ok: true })
    },
  )

  it('needs no host in HTTP/1.0, and sends it no 100', () => {
    expect(read(['expect', '100-continue', 'content-length', '1'], '1.0')).toMatchObject({
      ok: true,
      value: { host: undefined, awaitsContinue: false },
    })
    expect(read(['host', 'a'], '2.0')).toMatchObject({ error: { status: 505 } })
  })

  it('never throws, and never gives two values for what must be single', () => {
    const name = fc.oneof(
      fc.constantFrom('Host', 'host', 'Content-Length', 'Transfer-Encoding', 'Authorization'),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
        const head = read(pairs.flat())
        if (!head.ok) return
        const names = head.value.fields.map(([field]) => field)
        for (const single of ['host', 'content-length', 'authorization']) {
          expect(names.filter((each) => each === single).length).toBeLessThanOrEqual(1)
        }
        expect(head.value.fields).toHaveLength(pairs.length)
      }),
    )
  })
})
