import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { aHostileReport, HOSTILE } from '../../test/support/hostile-report.ts'
import { NOW } from '../../test/support/grants.ts'
import { blastRadiusHtml } from './report-html-blast-radius.ts'
import { staleHtml, tightenHtml, usageHtml } from './report-html.ts'

const TAG = /<(\/?)([a-zA-Z!][\w-]*)((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>/g
const VOID = new Set(['meta', '!doctype'])
const ATTRIBUTES = new Set(
  `lang charset http-equiv content name class tabindex data-column viewBox width height role rx x y d transform`.split(
    ' ',
  ),
)
const ELEMENTS = new Set(
  `html head meta title style body h1 h2 p section ol li pre div table thead tbody tr th td span code details summary svg g path rect text`.split(
    ' ',
  ),
)

/** Every tag of a page in which nothing but tags and escaped text may stand. */
function tagsOf(page: string): { name: string; attributes: string[]; closes: boolean }[] {
  const body = page
    .replace(/^<!doctype html>/, '')
    .replace(/<style>[\s\S]*?<\/style>/, '<style></style>')
  const tags = [...body.matchAll(TAG)].map(([, slash, name = '', attributes = '']) => ({
    ...{ name, closes: slash === '/' },
    attributes: [...attributes.matchAll(/\s([\w:-]+)="[^"]*"/g)].map(
      ([, attribute = '']) => attribute,
    ),
  }))
  expect(body.replaceAll(TAG, '')).not.toMatch(/[<>]/)
  return tags
}

function expectWellFormed(page: string): void {
  const open: string[] = []
  for (const { name, attributes, closes } of tagsOf(page)) {
    expect(ELEMENTS).toContain(name)
    for (const attribute of attributes) expect(ATTRIBUTES).toContain(attribute)
    if (closes) expect(open.pop()).toBe(name)
    else if (!VOID.has(name) && !isSelfClosing(name)) open.push(name)
  }
  expect(open).toEqual([])
}

const isSelfClosing = (name: string) => name === 'path' || name === 'rect'

const coverage = { since: NOW - 1000, until: NOW, isComplete: true, gaps: [] }
const sums = {
  ...{ calls: 1, failed: 0, refused: 0, requestBytes: 1, responseBytes: 1 },
  ...{ inputTokens: 0, outputTokens: 0 },
}

/** The same text in every report. */
function pagesWith(text: string): string[] {
  const hostile = aHostileReport(text)
  const [token] = hostile.tokens.items
  const stale = { ...token!, findings: ['unused'] as const, command: text }
  const scope = { scope: text, title: text, risk: 'read' } as const
  return [
    blastRadiusHtml(hostile),
    usageHtml({
      ...{ coverage, by: ['agent', 'operation'], total: { ...sums, amounts: { [text]: 1 } } },
      rows: { items: [{ keys: [text, text], lastAt: NOW, ...sums, amounts: {} }], total: 1 },
    }),
    staleHtml({
      ...{ at: NOW, coverage, unusedMs: 1000, longLivedMs: 1000, liveTokens: 1 },
      tokens: { items: [stale], total: 1 },
      agents: {
        items: [
          { name: text, owner: text, liveTokens: 1, createdAt: 1, findings: [], command: text },
        ],
        total: 1,
      },
    }),
    tightenHtml({
      ...{ agent: text, at: NOW, coverage, liveTokens: 1, commands: [text] },
      needed: [{ ...scope, calls: 1, isForOthers: true }],
      spare: [{ ...scope, tokens: 1 }],
      replay: { requests: 1, refused: 0, refusals: [], unknown: 0 },
      surplus: { items: [{ scope: text, risk: 'read', operation: text }], total: 1 },
      suggestion: { grounds: [text] },
    }),
  ]
}

describe('a report as HTML', () => {
  it.each([...HOSTILE.entries()])(
    'AU-04 is only text and our own tags: attack %i',
    (_index, text) => {
      for (const page of pagesWith(text)) {
        expectWellFormed(page)
        expect(page).not.toMatch(
          /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/,
        )
      }
    },
  )

  it('lets nothing run or load, and no style apply but its own', () => {
    for (const page of pagesWith('agent')) {
      const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1]
      const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? ''
      const hash = createHash('sha256').update(style).digest('base64')
      expect(policy).toBe(
        `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
      )
      expect(page).not.toMatch(/<script|<link|<iframe|<a |href|src=|url\(|@import|https?:/)
    }
  })

  it('shows the graph from the agent to who else uses its credential', () => {
    const page = blastRadiusHtml(aHostileReport('worker'))
    const labels = [...page.matchAll(/class="label">([^<]*)</g)].map(([, label]) => label)
    expect(labels).toEqual(['worker', 'worker', 'worker', 'worker', 'worker2'])
    expect(page.match(/<path class="edge"/g)).toHaveLength(4)
  })

  it('reads on a narrow screen: cells say their column, and what scrolls takes the keyboard', () => {
    const page = blastRadiusHtml(aHostileReport('worker'))
    expect(page).toContain('<td class="name" data-column="scope">')
    expect(page.match(/class="scroll"/g)).toHaveLength(
      page.match(/class="scroll" tabindex="0"/g)?.length ?? 0,
    )
    expect(page).toContain('@media screen and (max-width: 700px)')
  })

  it('leaves the graph out where nothing is live', () => {
    const { containment, ...report } = aHostileReport('worker')
    const dead = { ...report, agents: [], scopes: [], credentials: [], containment }
    expect(blastRadiusHtml(dead)).not.toContain('<svg')
  })
})
