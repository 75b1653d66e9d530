/** Looks for what conditions ask about: in headers, path and query, and in a body's fields. */

import type { Facts, Target } from './catalog.ts'
import { looksAtBody, type Test, type Verdicts } from './condition.ts'
import { FieldTracker, type FieldPattern, type FieldState } from './fields.ts'
import { scanJson } from './json-scan.ts'
import { parsePairs, type Pair } from './pairs.ts'

export interface Evidence extends Verdicts {
  /** Why there is no verdict on the body; undefined when it was read. */
  readonly bodyProblem: string | undefined
}

/** Tests by where they look, sorted once for many requests. */
export interface TestGroups {
  readonly header: readonly Test[]
  readonly path: readonly Test[]
  readonly query: readonly Test[]
  readonly body: readonly Test[]
  /** Of these, the ones on form fields: many servers take a POST's fields from the query as well. */
  readonly fields: readonly Test[]
}

export function groupTests(tests: readonly Test[]): TestGroups {
  const from = (source: Test['source']) => tests.filter((test) => test.source === source)
  return {
    header: from('header'),
    path: from('path'),
    query: from('query'),
    body: tests.filter(looksAtBody),
    fields: tests.filter(({ source }) => source === 'body' || source === 'form'),
  }
}

interface Findings {
  readonly holding: Set<Test>
  readonly unknown: Set<Test>
}

/** Answers all tests: a body is walked through one time at most, and without one nothing waits. */
export function gatherEvidence(
  tests: TestGroups,
  { query, segments }: Target,
  facts: Facts,
): Evidence | Promise<Evidence> {
  const found: Findings = { holding: new Set(), unknown: new Set() }
  for (const test of tests.header) if (headerHolds(test, facts)) found.holding.add(test)
  for (const test of tests.path)
    if (segments.some((segment) => accepts(test, segment))) found.holding.add(test)
  judgeQuery(tests, query, found)
  const hasBody = tests.body.length > 0 && facts.body.kind !== 'none'
  if (!hasBody) return { ...found, bodyProblem: undefined }
  return judgeBody(tests.body, facts, found).then((bodyProblem) => ({ ...found, bodyProblem }))
}

function judgeQuery(tests: TestGroups, query: string | undefined, found: Findings): void {
  if (query === undefined || query === '') return
  const asked = [...tests.query, ...tests.fields]
  if (asked.length > 0) judgePairs(asked, parsePairs(query), found)
}

const accepts = (test: Test, text: string): boolean => test.accepts?.(text) ?? true

function headerHolds(test: Test, { headers }: Facts): boolean {
  const { header } = test
  if (!header) return false
  for (const [name, value] of headers) {
    const isNamed = header.isPrefix ? name.startsWith(header.name) : name === header.name
    if (isNamed && accepts(test, value)) return true
  }
  return false
}

function judgePairs(tests: readonly Test[], pairs: readonly Pair[], found: Findings): void {
  const tracker = new FieldTracker(tests.map(fieldOf))
  for (const { name, value } of pairs) {
    // A name that cannot be read may be any name.
    const covered = name === undefined ? tests.keys() : coveredBy(tracker, name)
    for (const index of covered) {
      const test = tests[index]
      if (test && (value === undefined || accepts(test, value))) found.holding.add(test)
    }
  }
}

const EMPTY_FIELD: FieldPattern = { text: '', parts: [] }
const fieldOf = ({ field }: Test): FieldPattern => field ?? EMPTY_FIELD

function coveredBy(tracker: FieldTracker, name: readonly string[]): readonly number[] {
  return name.reduce((state, part) => tracker.enter(state, part), tracker.start).covered
}

/** Fills in the verdicts on the body; returns why there can be none. */
async function judgeBody(
  tests: readonly Test[],
  facts: Facts,
  found: Findings,
): Promise<string | undefined> {
  const body = readableBody(facts)
  if (body === undefined) return undefined
  const isForm = saysItIsAForm(facts.contentType)
  if ('problem' in body) return markUnknown(tests, found, { problem: body.problem, isForm })
  const [readable, others] = partition(
    tests,
    ({ source }) => source === 'body' || source === body.kind,
  )
  const otherProblem = markUnknown(others, found, { problem: `the body is ${body.kind}`, isForm })
  const problem =
    body.kind === 'json'
      ? await judgeJson(readable, body.bytes, found)
      : judgeForm(readable, body.bytes, found)
  if (problem !== undefined) return markUnknown(readable, found, { problem, isForm })
  return others.every((test) => test.isLenient) ? undefined : otherProblem
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))]
}

/** A lenient test lets pass what is no form; a form that cannot be read is not let pass. */
function markUnknown(
  tests: readonly Test[],
  found: Findings,
  { problem, isForm }: { readonly problem: string; readonly isForm: boolean },
): string {
  for (const test of tests) {
    if (isForm || !test.isLenient) found.unknown.add(test)
  }
  return problem
}

type ReadableBody =
  | { readonly kind: 'json' | 'form'; readonly bytes: Buffer }
  | { readonly problem: string }
  | undefined

function readableBody({ body, headers, contentType }: Facts): ReadableBody {
  if (body.kind === 'none') return undefined
  if (body.kind === 'unreadable') return { problem: body.problem }
  if (body.bytes.length === 0) return undefined
  const isCoded = headers.some(
    ([name, value]) => name === 'content-encoding' && value.trim().toLowerCase() !== 'identity',
  )
  if (isCoded) return { problem: 'the body is compressed' }
  const types = headers.filter(([name]) => name === 'content-type')
  if (types.length > 1) return { problem: 'the body has two content types' }
  const kind = bodyKind(contentType ?? '')
  return kind === undefined
    ? { problem: 'the body is neither JSON nor a form' }
    : { kind, bytes: body.bytes }
}

const MEDIA_TYPE =
  /^([a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+)\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?$/

function saysItIsAForm(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().includes('x-www-form-urlencoded') === true
}

/** Any parameter but `charset=utf-8` may change how the bytes are read. */
function bodyKind(contentType: string): 'json' | 'form' | undefined {
  const type = MEDIA_TYPE.exec(contentType.trim().toLowerCase())?.[1]
  if (type === 'application/x-www-form-urlencoded') return 'form'
  return type === 'application/json' || type?.endsWith('+json') === true ? 'json' : undefined
}

async function judgeJson(
  tests: readonly Test[],
  bytes: Buffer,
  found: Findings,
): Promise<string | undefined> {
  const tracker = new FieldTracker(tests.map(fieldOf))
  const scanned = await scanJson<FieldState>(bytes, {
    root: tracker.start,
    member: (state, name) => tracker.enter(state, name),
    element: (state) => tracker.enter(state, undefined),
    value: (state, text) => {
      for (const index of state.covered) judgeValue(tests[index], text, found)
    },
  })
  return scanned.ok ? undefined : scanned.error.replaceAll('_', ' ')
}

/** An object or list has no text: what is inside of it is covered by the same patterns. */
function judgeValue(
  test: Test | undefined,
  text: (() => string) | undefined,
  { holding }: Findings,
): void {
  if (!test || holding.has(test)) return
  const isHit = test.accepts === undefined || (text !== undefined && test.accepts(text()))
  if (isHit) holding.add(test)
}

const MAX_PAIRS = 10_000
const MAX_FORM_BYTES = 1024 * 1024

function judgeForm(tests: readonly Test[], bytes: Buffer, found: Findings): string | undefined {
  if (bytes.length > MAX_FORM_BYTES) return 'the form is larger than 1 MiB'
  const text = bytes.toString('latin1')
  if (hasMoreParts(text, MAX_PAIRS)) return 'the form has too many fields'
  const pairs = parsePairs(text)
  if (pairs.some(({ name, value }) => name === undefined || value === undefined))
    return 'the form is badly encoded'
  judgePairs(tests, pairs, found)
  return undefined
}

/** Counted before anything is made of the parts. */
function hasMoreParts(text: string, limit: number): boolean {
  let parts = 1
  for (let index = 0; index < text.length && parts <= limit; index++) {
    const code = text.charCodeAt(index)
    if (code === AMPERSAND || code === SEMICOLON) parts += 1
  }
  return parts > limit
}

const AMPERSAND = 0x26
const SEMICOLON = 0x3b
