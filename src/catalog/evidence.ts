/** Looks for what conditions ask about: in headers, path and query, and in a body's fields. */

import type { Facts, Target } from './catalog.ts'
import { looksAtBody, type Test, type Verdict } from './condition.ts'
import { FieldTracker, type FieldPattern, type FieldState } from './fields.ts'
import { scanJson } from './json-scan.ts'
import { parsePairs, type Pair } from './pairs.ts'

export interface Evidence {
  readonly verdicts: ReadonlyMap<Test, Verdict>
  /** Why verdicts on the body are `unknown`; undefined when it was read. */
  readonly bodyProblem: string | undefined
}

/** Answers all tests at once: a body is walked through one time at most. */
export async function gatherEvidence(
  tests: readonly Test[],
  target: Target,
  facts: Facts,
): Promise<Evidence> {
  const verdicts = new Map<Test, Verdict>()
  for (const test of tests) verdicts.set(test, 'fails')
  judgeQuery(tests, target, verdicts)
  for (const test of tests) {
    if (test.source === 'header' && headerHolds(test, facts)) verdicts.set(test, 'holds')
    if (test.source === 'path' && pathHolds(test, target)) verdicts.set(test, 'holds')
  }
  const bodyTests = tests.filter(looksAtBody)
  const bodyProblem =
    bodyTests.length === 0 ? undefined : await judgeBody(bodyTests, facts, verdicts)
  return { verdicts, bodyProblem }
}

function headerHolds({ header, accepts }: Test, { headers }: Facts): boolean {
  if (!header) return false
  return headers.some(([name, value]) => {
    const isNamed = header.isPrefix ? name.startsWith(header.name) : name === header.name
    return isNamed && (accepts?.(value) ?? true)
  })
}

function pathHolds({ accepts }: Test, { segments }: Target): boolean {
  return segments.some((segment) => accepts?.(segment) ?? true)
}

function judgeQuery(tests: readonly Test[], { query }: Target, verdicts: Map<Test, Verdict>): void {
  const asked = tests.filter((test) => test.source === 'query')
  if (asked.length > 0 && query !== undefined && query !== '')
    judgePairs(asked, parsePairs(query), verdicts)
}

function judgePairs(
  tests: readonly Test[],
  pairs: readonly Pair[],
  verdicts: Map<Test, Verdict>,
): void {
  const tracker = new FieldTracker(tests.map(fieldOf))
  for (const { name, value } of pairs) {
    // A name that cannot be read may be any name.
    const covered = name === undefined ? tests.keys() : coveredBy(tracker, name)
    for (const index of covered) {
      const test = tests[index]
      const isHit = value === undefined || (test?.accepts?.(value) ?? true)
      if (test && isHit) verdicts.set(test, 'holds')
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
  verdicts: Map<Test, Verdict>,
): Promise<string | undefined> {
  const body = readableBody(facts)
  if (body === undefined) return undefined
  if ('problem' in body) return markUnknown(tests, verdicts, body.problem)
  const [readable, others] = partition(
    tests,
    ({ source }) => source === 'body' || source === body.kind,
  )
  const otherProblem = markUnknown(others, verdicts, `the body is ${body.kind}`)
  const problem =
    body.kind === 'json'
      ? await judgeJson(readable, body.bytes, verdicts)
      : judgeForm(readable, body.bytes, verdicts)
  if (problem !== undefined) return markUnknown(readable, verdicts, problem)
  return others.every((test) => test.isLenient) ? undefined : otherProblem
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))]
}

function markUnknown(
  tests: readonly Test[],
  verdicts: Map<Test, Verdict>,
  problem: string,
): string {
  for (const test of tests) {
    if (verdicts.get(test) !== 'holds') verdicts.set(test, test.isLenient ? 'fails' : 'unknown')
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

/** Any parameter but `charset=utf-8` may change how the bytes are read. */
function bodyKind(contentType: string): 'json' | 'form' | undefined {
  const type = MEDIA_TYPE.exec(contentType.trim().toLowerCase())?.[1]
  if (type === 'application/x-www-form-urlencoded') return 'form'
  return type === 'application/json' || type?.endsWith('+json') === true ? 'json' : undefined
}

async function judgeJson(
  tests: readonly Test[],
  bytes: Buffer,
  verdicts: Map<Test, Verdict>,
): Promise<string | undefined> {
  const tracker = new FieldTracker(tests.map(fieldOf))
  const scanned = await scanJson<FieldState>(bytes, {
    root: tracker.start,
    enter: (state, name) => tracker.enter(state, name),
    value: (state, text) => {
      for (const index of state.covered) judgeValue(tests[index], text, verdicts)
    },
  })
  return scanned.ok ? undefined : scanned.error.replaceAll('_', ' ')
}

/** An object or list has no text: what is inside of it is covered by the same patterns. */
function judgeValue(
  test: Test | undefined,
  text: (() => string) | undefined,
  verdicts: Map<Test, Verdict>,
): void {
  if (!test || verdicts.get(test) === 'holds') return
  const isHit = test.accepts === undefined || (text !== undefined && test.accepts(text()))
  if (isHit) verdicts.set(test, 'holds')
}

const MAX_PAIRS = 10_000
const MAX_FORM_BYTES = 1024 * 1024

function judgeForm(
  tests: readonly Test[],
  bytes: Buffer,
  verdicts: Map<Test, Verdict>,
): string | undefined {
  if (bytes.length > MAX_FORM_BYTES) return 'the form is larger than 1 MiB'
  const pairs = parsePairs(bytes.toString('latin1'))
  if (pairs.length > MAX_PAIRS) return 'the form has too many fields'
  if (pairs.some(({ name, value }) => name === undefined || value === undefined))
    return 'the form is badly encoded'
  judgePairs(tests, pairs, verdicts)
  return undefined
}
