/**
 * What a value may look like to stand in a record as it is: a word, a number, a date, an
 * identifier of a known form. A list of what is harmless, so that a new kind of secret is hidden
 * without anybody having thought of it.
 */

import { holdsCredential } from './credential-shapes.ts'

/** `limit`, `gpt4`, `batchUpdate`: letters, perhaps with a few digits behind them. */
const WORD = '[A-Za-z]{1,24}\\d{0,4}'

/** `order-processing`, `line_items`, `gpt-4o-mini`, `charge.succeeded`. Never digits alone. */
const WORDS = `${WORD}(?:[-_.:,](?:${WORD}|\\d{1,4}[a-z]{0,3})){0,7}`

const NUMBER = '-?\\d{1,12}(?:\\.\\d{1,8})?'
const TIME = 'T\\d\\d:\\d\\d(?::\\d\\d(?:\\.\\d{1,9})?)?(?:Z|[+-]\\d\\d:?\\d\\d)?'
const DATE = `\\d{4}-\\d\\d-\\d\\d(?:${TIME})?`
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

/** `cus_NffrFeUfNV2Hib`, `file-abc123`: a kind and some chance. Keys have more of the latter. */
const PREFIXED_ID = '[a-z]{2,12}[-_][0-9A-Za-z]{4,28}'

/** Slack's `C012AB3CD`. */
const CAPITAL_ID = '[A-Z][0-9A-Z]{7,13}'

const VALUE = anyOf([WORDS, NUMBER, DATE, UUID, PREFIXED_ID, CAPITAL_ID])

/** Names that people gave, `k8s-infra2go`; `values:append`; `@me`. */
const GIVEN_NAME = '@?[0-9A-Za-z]{1,10}(?:[-_.:,~][0-9A-Za-z]{1,10}){0,7}'

/** Commits, Notion's and Gmail's ids; Discord's; Twilio's `AC` + 32; Google's files. */
const LONG_IDS = [
  '[0-9a-f]{7,40}',
  '\\d{1,20}',
  '[A-Z]{2}[0-9a-f]{32}',
  '1[\\w-]{32}',
  '1[\\w-]{43}',
  '0B[\\w-]{26}',
]
/** Google puts a verb behind: `/<id>:batchUpdate`. */
const LONG_ID = `(?:${LONG_IDS.join('|')})(?::[A-Za-z]{1,24})?`
const SEGMENT = anyOf([PREFIXED_ID, GIVEN_NAME, WORDS, UUID, CAPITAL_ID, LONG_ID])

/** `limit`, `created[gte]`, `line_items[0][price_data][currency]`, `expand[]`, `$filter`. */
const NAME = new RegExp(
  `^[@$]?${WORD}(?:(?:[-_.:[]|\\]\\[|\\]\\.)(?:${WORD}|\\d{1,6})){0,12}\\]?(?:\\[\\])?$`,
)

function anyOf(shapes: readonly string[]): RegExp {
  return new RegExp(`^(?:${shapes.join('|')})$`)
}

/** Whether the value of a query, form or JSON field may be kept, if its name allows it. */
export function isPlainValue(text: string): boolean {
  return text.length <= 64 && (text === '' || VALUE.test(text)) && !holdsCredential(text)
}

/** Whether a segment of a path may be kept: also longer identifiers, which name what was touched. */
export function isPlainSegment(text: string): boolean {
  return text.length <= 100 && (text === '' || SEGMENT.test(text)) && !holdsCredential(text)
}

/** Whether a field's name may be kept; maps keyed by addresses or tokens have names that may not. */
export function isPlainName(text: string): boolean {
  return text.length <= 128 && NAME.test(text) && !holdsCredential(text)
}
