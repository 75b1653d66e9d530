/**
 * Conditions of rules and guards: what they look at and when they hold.
 *
 * A condition can only make a request need more or be refused, so it holds when any occurrence of
 * a field fits, when a value cannot be decoded, and when it cannot be told.
 */

import { err, ok, type Result } from '../base/result.ts'
import { parseField, type FieldPattern } from './fields.ts'
import { compilePattern, type TextPattern } from './pattern.ts'

/** `body`: the form or the JSON object, whichever it is. */
type TestSource = 'header' | 'query' | 'path' | 'form' | 'json' | 'body' | 'multipart'

/** As a catalogue file writes it. */
export interface TestDefinition {
  readonly in: TestSource
  /** Header name; may end in `*`. */
  readonly name?: string | undefined
  readonly field?: string | undefined
  readonly equals?: string | number | boolean | undefined
  readonly matches?: string | undefined
  /** Holds for every value but these, which count as they are spelled. */
  readonly other_than?: readonly string[] | undefined
}

export interface ConditionDefinition {
  readonly any?: readonly TestDefinition[] | undefined
  readonly all?: readonly TestDefinition[] | undefined
}

export interface Test {
  readonly source: TestSource
  /** What it looks at, in words for an answer: `header stripe-account`, `field balance`. */
  readonly label: string
  readonly header: { readonly name: string; readonly isPrefix: boolean } | undefined
  readonly field: FieldPattern | undefined
  /** Undefined: it is enough that the field is there. */
  readonly accepts: ((text: string) => boolean) | undefined
  /** Fails, rather than holds, where the body is of another kind. For universal guards only. */
  readonly isLenient: boolean
}

export interface Condition {
  readonly mode: 'any' | 'all'
  readonly tests: readonly Test[]
}

/** What is known of one test. */
export type Verdict = 'holds' | 'fails' | 'unknown'

const BODY_SOURCES: ReadonlySet<TestSource> = new Set(['form', 'json', 'body', 'multipart'])

export const looksAtBody = (test: Test): boolean => BODY_SOURCES.has(test.source)

/** Compiles a condition; otherwise a sentence that says what is wrong with it. */
export function compileCondition(definition: ConditionDefinition): Result<Condition, string> {
  const tests: Test[] = []
  for (const item of definition.any ?? definition.all ?? []) {
    const test = compileTest(item)
    if (!test.ok) return test
    tests.push(test.value)
  }
  return ok({ mode: definition.any ? 'any' : 'all', tests })
}

export function compileTest(definition: TestDefinition): Result<Test, string> {
  const { in: source, name } = definition
  const field = definition.field === undefined ? ok(undefined) : parseField(definition.field)
  if (!field.ok) return field
  const accepts = compileAccepts(definition)
  if (!accepts.ok) return err(`has a pattern that ${accepts.error}`)
  return ok({
    source,
    label: labelOf(definition),
    header: name === undefined ? undefined : headerTest(name),
    field: field.value,
    accepts: accepts.value,
    isLenient: false,
  })
}

function labelOf({ in: source, name, field }: TestDefinition): string {
  if (source === 'header') return `header ${name ?? ''}`
  if (source === 'path') return 'path'
  return `${source} field ${field ?? ''}`
}

const headerTest = (name: string): Test['header'] => ({
  name: name.replace(/\*$/, '').toLowerCase(),
  isPrefix: name.endsWith('*'),
})

function compileAccepts(definition: TestDefinition): Result<Test['accepts'], string> {
  const { equals, matches, other_than: others } = definition
  if (others !== undefined) return ok((text) => !others.includes(text))
  if (matches !== undefined) {
    const pattern = compilePattern(matches, 'search')
    return pattern.ok ? ok(testBy(pattern.value)) : pattern
  }
  if (equals === true) return ok((text) => !isClearlyFalse(text))
  if (equals === false) return ok(isClearlyFalse)
  if (equals === undefined) return ok(undefined)
  const wanted = foldValue(String(equals))
  return ok((text) => foldValue(text) === wanted)
}

const testBy =
  (pattern: TextPattern) =>
  (text: string): boolean =>
    pattern.test(text)

const foldValue = (text: string): string => text.trim().toLowerCase()

/** Servers differ in what they take for true; few differ in what they take for false. */
const FALSE = new Set(['false', '0', '', 'null', 'no', 'off', 'f', 'n'])
const isClearlyFalse = (text: string): boolean => FALSE.has(foldValue(text))

/** What was found out; a test in neither set fails. */
export interface Verdicts {
  readonly holding: ReadonlySet<Test>
  readonly unknown: ReadonlySet<Test>
}

export function verdictOn({ holding, unknown }: Verdicts, test: Test): Verdict {
  if (holding.has(test)) return 'holds'
  return unknown.has(test) ? 'unknown' : 'fails'
}

/** Joins the verdicts on a condition's tests. */
export function judgeCondition({ mode, tests }: Condition, verdicts: Verdicts): Verdict {
  const decisive: Verdict = mode === 'any' ? 'holds' : 'fails'
  let result: Verdict = mode === 'any' ? 'fails' : 'holds'
  for (const test of tests) {
    const verdict = verdictOn(verdicts, test)
    if (verdict === decisive) return decisive
    if (verdict === 'unknown') result = 'unknown'
  }
  return result
}
