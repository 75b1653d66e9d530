/**
 * What a request cost, as its service tells it: tokens of a model, an amount of money. Read from
 * answers, which are somebody else's: only what can be a count, a currency or a model's name is taken.
 */

import { isPlainSegment } from './plain-shapes.ts'
import { quote } from './text.ts'

export interface Usage {
  readonly model?: string
  readonly inputTokens?: number
  readonly outputTokens?: number
  /** Those of the input tokens that the service had kept from before. */
  readonly cachedTokens?: number
  /** In the service's minor units. */
  readonly amount?: number
  /** As in ISO 4217, in lower case. */
  readonly currency?: string
}

/** Keys from the top of a document to a value in it. */
export type UsagePlace = readonly string[]

/** Where an answer tells what; `UsageRule` of the catalogue has this form. The first that is there counts. */
export interface UsagePlaces {
  readonly model: readonly UsagePlace[]
  readonly currency: readonly UsagePlace[]
  /** Each of these is a sum. */
  readonly inputTokens: readonly (readonly UsagePlace[])[]
  readonly outputTokens: readonly (readonly UsagePlace[])[]
  readonly cachedTokens: readonly (readonly UsagePlace[])[]
  readonly amount: readonly (readonly UsagePlace[])[]
}

const COUNTS = ['inputTokens', 'outputTokens', 'cachedTokens', 'amount'] as const

/** Above it a number is no count that anybody should add up. */
const LARGEST = 1e12
const MODEL_LIMIT = 100
const CURRENCY = /^[A-Za-z]{3}$/

/** What a JSON document tells; members that it does not tell are absent. */
export function readUsage(document: unknown, places: UsagePlaces): Usage {
  const found: { -readonly [Member in keyof Usage]: Usage[Member] } = {}
  for (const count of COUNTS) {
    const value = firstOf(places[count], (sum) => addUp(document, sum))
    if (value !== undefined) found[count] = value
  }
  const model = firstOf(places.model, (place) => modelOf(valueAt(document, place)))
  const currency = firstOf(places.currency, (place) => currencyOf(valueAt(document, place)))
  if (model !== undefined) found.model = model
  if (currency !== undefined) found.currency = currency
  return found
}

/** Of several parts of one answer: what counts up is told again and again, and the most of it is true. */
export function joinUsage(before: Usage, after: Usage): Usage {
  const joined = { ...after, ...before }
  for (const count of COUNTS) {
    const [one, other] = [before[count], after[count]]
    if (one !== undefined && other !== undefined) joined[count] = Math.max(one, other)
  }
  return joined
}

/** As it stands in an outcome; null when nothing is known. */
export function formatUsage(usage: Usage | undefined): string {
  const members: string[] = []
  if (usage?.model !== undefined) members.push(`"model":${quote(usage.model)}`)
  for (const count of COUNTS) {
    const value = usage?.[count]
    if (value !== undefined) members.push(`"${count}":${value}`)
  }
  if (usage?.currency !== undefined) members.push(`"currency":${quote(usage.currency)}`)
  return members.length === 0 ? 'null' : `{${members.join(',')}}`
}

function firstOf<P, V>(places: readonly P[], read: (place: P) => V | undefined): V | undefined {
  for (const place of places) {
    const value = read(place)
    if (value !== undefined) return value
  }
  return undefined
}

/** Undefined when none of them is there; a part that is missing is none of the sum. */
function addUp(document: unknown, sum: readonly UsagePlace[]): number | undefined {
  const counts = sum.flatMap((place) => countOf(valueAt(document, place)) ?? [])
  return counts.length === 0 ? undefined : countOf(counts.reduce((all, count) => all + count, 0))
}

function countOf(value: unknown): number | undefined {
  const isCount = typeof value === 'number' && Number.isInteger(value)
  return isCount && value >= 0 && value <= LARGEST ? value : undefined
}

/** `gpt-4o-mini`, `claude-sonnet-4-20250514`, `@cf/meta/llama-3.1-8b-instruct`. */
function modelOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '' || value.length > MODEL_LIMIT) return undefined
  return value.split('/').every((part) => part !== '' && isPlainSegment(part)) ? value : undefined
}

function currencyOf(value: unknown): string | undefined {
  return typeof value === 'string' && CURRENCY.test(value) ? value.toLowerCase() : undefined
}

function valueAt(document: unknown, place: UsagePlace): unknown {
  let value = document
  for (const key of place) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[key] // an object has members by name
  }
  return value
}
