/**
 * The names that most fields have, by their usual spellings.
 *
 * One look-up takes the place of checking, converting and comparing a name byte by byte. Every other
 * name and spelling means the same and takes the long way.
 */

export interface FieldName {
  readonly lowerCase: string
  /** Of a field that must not be repeated: where its value is kept. */
  readonly slot: number | undefined
}

interface Spelling {
  readonly spelled: string
  readonly name: FieldName
}

const COMMON = [
  ...['accept', 'accept-encoding', 'accept-language', 'age', 'alt-svc', 'anthropic-version'],
  ...[
    'authorization',
    'cache-control',
    'cf-cache-status',
    'cf-ray',
    'connection',
    'content-encoding',
  ],
  ...[
    'content-language',
    'content-length',
    'content-type',
    'cookie',
    'date',
    'etag',
    'expect',
    'expires',
  ],
  ...['forwarded', 'host', 'idempotency-key', 'if-match', 'if-modified-since', 'if-none-match'],
  ...['keep-alive', 'last-modified', 'link', 'location', 'openai-organization', 'openai-project'],
  ...['openai-processing-ms', 'openai-version', 'origin', 'pragma', 'proxy-authorization', 'range'],
  ...['referer', 'request-id', 'retry-after', 'sec-fetch-mode', 'server', 'set-cookie'],
  ...['strict-transport-security', 'stripe-account', 'stripe-version', 'te', 'trailer'],
  ...[
    'transfer-encoding',
    'upgrade',
    'user-agent',
    'vary',
    'via',
    'x-api-key',
    'x-content-type-options',
  ],
  ...['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-github-api-version'],
  ...['x-github-request-id', 'x-phantom-token', 'x-ratelimit-limit', 'x-ratelimit-remaining'],
  ...[
    'x-ratelimit-reset',
    'x-request-id',
    'x-stainless-arch',
    'x-stainless-lang',
    'x-stainless-os',
  ],
  ...['x-stainless-package-version', 'x-stainless-retry-count', 'x-stainless-runtime'],
  ...['x-stainless-runtime-version', 'x-stainless-timeout', 'x-stripe-client-user-agent'],
]

const BUCKETS = 256

/**
 * Finds a name by its spelling. A `Map` would first hash the fresh string, which takes longer than
 * to choose a bucket by three numbers and compare: 0.3 us of 2 us for a head of twelve fields.
 */
export class FieldNames {
  readonly #buckets: Spelling[][] = Array.from({ length: BUCKETS }, () => [])

  /** The values of `single`, which must not be repeated, are kept in this order. */
  constructor(single: readonly string[]) {
    for (const lowerCase of new Set([...COMMON, ...single])) {
      const slot = single.indexOf(lowerCase)
      const name = { lowerCase, slot: slot === -1 ? undefined : slot }
      this.#bucketOf(lowerCase).push({ spelled: lowerCase, name })
      this.#bucketOf(capitalise(lowerCase)).push({ spelled: capitalise(lowerCase), name })
    }
  }

  find(spelled: string): FieldName | undefined {
    for (const spelling of this.#bucketOf(spelled)) {
      if (spelling.spelled === spelled) return spelling.name
    }
    return undefined
  }

  #bucketOf(spelled: string): Spelling[] {
    return this.#buckets[bucketIndex(spelled)] ?? []
  }
}

/** By length, first and last letter; the factors leave at most four names together. */
function bucketIndex(spelled: string): number {
  const { length } = spelled
  const first = spelled.charCodeAt(0)
  const last = spelled.charCodeAt(length - 1)
  return (first * 5 + last * 3 + length * 11) % BUCKETS
}

/** `content-type` as `Content-Type`. */
function capitalise(name: string): string {
  return name.replace(/(?<![a-z0-9])[a-z]/g, (letter) => letter.toUpperCase())
}
