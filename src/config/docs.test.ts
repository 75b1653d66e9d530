import { expect, it } from 'vitest'
import { stalePages } from '../../docs/generate.ts'

it('what is made from code in docs/ says what the code does; else run `npm run docs`', async () => {
  expect(await stalePages()).toEqual([])
})
