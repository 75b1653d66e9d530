import { expect, it } from 'vitest'
import { stalePages } from '../../docs/generate.ts'

it('docs/configuration.md and docs/services.md say what the code does; else run `npm run docs`', async () => {
  expect(await stalePages()).toEqual([])
})
