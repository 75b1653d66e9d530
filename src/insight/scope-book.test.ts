import { expect, it } from 'vitest'
import { aRuledCatalog } from '../../test/support/rules.ts'
import { createScopeBook, isUsed, scopesBehind } from './scope-book.ts'

const book = createScopeBook(aRuledCatalog())

it('writes the rules of a scope out as audit records name them', () => {
  const { operations, risk, credential, isKnown } = book('stripe:write')
  expect({ risk, credential, isKnown }).toEqual({
    risk: 'write',
    credential: 'stripe',
    isKnown: true,
  })
  expect(operations.map(({ name }) => name)).toEqual([
    'POST /v1/charges',
    'POST /v1/customers',
    'POST,PUT,PATCH /v1/prices/*',
  ])
  expect(operations.at(-1)?.rules).toEqual([
    'POST /v1/prices/*',
    'PUT /v1/prices/*',
    'PATCH /v1/prices/*',
  ])
})

it('marks operations that need a scope only under a condition', () => {
  expect(book('stripe:refund').operations).toEqual([
    { name: 'POST /v1/refunds/**', rules: ['POST /v1/refunds/**'], isConditional: false },
    { name: 'POST /v1/customers', rules: ['POST /v1/customers'], isConditional: true },
  ])
})

it('takes a scope that the catalogue does not know for the worst, as the decision does', () => {
  for (const scope of ['stripe:gone', 'nobody:read', 'noise'])
    expect(book(scope)).toMatchObject({ risk: 'secrets', isKnown: false, operations: [] })
})

it('knows which scopes lead to which credential', () => {
  const catalog = aRuledCatalog()
  expect(scopesBehind(catalog, 'openai-admin')).toEqual(['openai:admin'])
  expect(scopesBehind(catalog, 'openai')).toEqual(['openai:chat'])
  expect(scopesBehind(catalog, 'nothing')).toEqual([])
  expect(book('open:read').credential).toBeUndefined()
})

it('knows the use of an operation by its rule, or by the glob over its key', () => {
  const operation = (rule: string) => ({ name: rule, rules: [rule], isConditional: false })
  const used = new Set(['aws s3:GetObject', 'stripe POST /v1/prices/*'])
  expect(isUsed(operation('s3:Get*'), 'aws', used)).toBe(true)
  expect(isUsed(operation('*:Get*'), 'aws', used)).toBe(true)
  expect(isUsed(operation('s3:GetObject'), 'aws', used)).toBe(true)
  expect(isUsed(operation('s3:Put*'), 'aws', used)).toBe(false)
  expect(isUsed(operation('s3:Get*'), 'aws-eu', used)).toBe(false)
  expect(isUsed(operation('POST /v1/*/*'), 'stripe', used)).toBe(false)
})
