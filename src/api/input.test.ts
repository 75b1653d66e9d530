import { z } from '@hono/zod-openapi'
import { describe, expect, it } from 'vitest'
import { parseInput, readJson, readQuery } from './input.ts'

const shape = { body: z.strictObject({ name: z.string(), count: z.int().optional() }) }
const parseBody = (body: unknown) => parseInput(shape, { params: {}, query: {}, body })

const aRequest = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  new Request('http://localhost/', {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      ...headers,
    },
  })

const codeOf = async (read: ReturnType<typeof readJson>) => {
  const result = await read
  return result.ok ? 'read' : result.error.code
}

describe('input', () => {
  it('is reported with every mistake at once and without any value', () => {
    const parsed = parseBody({ count: 'pt_live_secret', extra: 1 })
    if (parsed.ok) throw new Error('accepted')
    expect(parsed.error.errors?.map(({ field }) => field)).toEqual(['name', 'count', 'extra'])
    expect(JSON.stringify(parsed.error)).not.toContain('pt_live_secret')
  })

  it.each([
    '{"name":"a","__proto__":{"admin":true}}',
    '{"name":"a","constructor":{"prototype":{"admin":true}}}',
    '{"name":"a","environment":"production"}',
    '[]',
    'null',
    '"name"',
  ])('AD-03 refuses the body %s', (body) => {
    expect(parseBody(JSON.parse(body)).ok).toBe(false)
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it('does not repeat an unknown field that might be a token', () => {
    const parsed = parseBody({ name: 'a', [`pt_live_${'x'.repeat(36)}`]: 1 })
    expect(JSON.stringify(parsed)).not.toContain('pt_live_')
  })
})

describe('a query', () => {
  it('becomes an object without a prototype', () => {
    const query = readQuery('http://localhost/?__proto__=a&agent=b')
    if (!query.ok) throw new Error('refused')
    expect(Object.keys(query.value)).toEqual(['__proto__', 'agent'])
    expect(z.strictObject({ agent: z.string() }).safeParse(query.value).success).toBe(false)
  })

  it('is refused when a name comes twice', () => {
    expect(readQuery('http://localhost/?limit=1&%6cimit=99').ok).toBe(false)
  })
})

describe('a body', () => {
  it('is read when it is JSON of a declared length', async () => {
    const type = { 'content-type': 'application/json; charset=utf-8' }
    expect(await readJson(aRequest('{"a":[1]}', type), 100)).toEqual({
      ok: true,
      value: { a: [1] },
    })
  })

  it.each([
    ['text', aRequest('{}', { 'content-type': 'text/plain' }), 'content_type_unsupported'],
    [
      'a form',
      aRequest('a=1', { 'content-type': 'application/x-www-form-urlencoded' }),
      'content_type_unsupported',
    ],
    [
      'a charset of its own',
      aRequest('{}', { 'content-type': 'application/json; charset=utf-7' }),
      'content_type_unsupported',
    ],
    ['a coded body', aRequest('{}', { 'content-encoding': 'gzip' }), 'content_type_unsupported'],
    ['a strange length', aRequest('{}', { 'content-length': '+2' }), 'length_required'],
    [
      'a declared length above the limit',
      aRequest('{}', { 'content-length': '101' }),
      'body_too_large',
    ],
    ['more than the limit', aRequest(' '.repeat(101), { 'content-length': '2' }), 'body_too_large'],
    ['broken JSON', aRequest('{"a":'), 'invalid_request'],
    ['nothing', aRequest(''), 'invalid_request'],
    ['broken UTF-8', aRequest(new Uint8Array([0x22, 0xff, 0x22])), 'invalid_request'],
  ])('is refused when it is %s', async (_what, request, code) => {
    expect(await codeOf(readJson(request, 100))).toBe(code)
  })

  it('is refused without a length, as a chunked one is', async () => {
    const request = aRequest('{}')
    request.headers.delete('content-length')
    expect(await codeOf(readJson(request, 100))).toBe('length_required')
  })
})
