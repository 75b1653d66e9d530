import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

/** A claimed threat without a test that carries its ID fails the build. */

const ROOT = join(import.meta.dirname, '../..')
const CLAIMED = JSON.parse(
  readFileSync(join(import.meta.dirname, 'claimed.json'), 'utf8'),
) as readonly string[]

const testTexts = ['src', 'sdk', 'test'].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
    .map((file) => readFileSync(join(ROOT, folder, file), 'utf8')),
)
const tested = new Set(
  testTexts.flatMap((text) =>
    [...text.matchAll(/['"`](?:[A-Z]{2}-\d{2}[ ,/]+)+/g)].flatMap(
      (found) => found[0].match(/[A-Z]{2}-\d{2}/g) ?? [],
    ),
  ),
)

it.each(CLAIMED)('%s has a test that carries its ID', (id) => {
  expect(tested).toContain(id)
})

it('claims every ID that a test carries', () => {
  expect([...tested].filter((id) => !CLAIMED.includes(id))).toEqual([])
})
