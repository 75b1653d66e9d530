import { describe, expect, it } from 'vitest'
import { newId, newRequestId } from './ids.ts'

describe('ids', () => {
  it('of requests have one form and never come twice, however many are asked for', () => {
    const ids = Array.from({ length: 5000 }, newRequestId)
    for (const id of ids) expect(id).toMatch(/^req_[0-9a-f]{32}$/)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('of things that are kept say what they name', () => {
    expect(newId('tok')).toMatch(/^tok_[0-9A-Za-z]{20}$/)
  })
})
