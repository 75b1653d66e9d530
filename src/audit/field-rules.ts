/**
 * Which fields of a query or body are sensitive by their name: those that the service's file
 * lists, and those whose name says it anywhere. A listed field covers everything below it.
 */

/** The part of a service's `redact` block that requests need; `Service.redact` has this form. */
export interface RedactRules {
  readonly body: readonly string[]
  readonly query: readonly string[]
  readonly path: readonly string[]
  readonly pii: readonly string[]
}

/** Tells whether the field at this place is sensitive. Indices of arrays are not part of a place. */
export type IsSensitive = (place: readonly string[]) => boolean

/**
 * Words of names whose value, or anything below it, is a credential, names a person for the state,
 * or is a map that callers fill with what they like.
 */
const SECRET_WORDS = wordSet(
  `auth authorization bearer card cards certificate code cookie cookies credential credentials csrf
   cvc cvv env hash headers iban jwt key login metadata national nonce otp pass passcode passphrase
   passport passwd password pin private pwd salt seed secret session sig signature ssh ssn tax ticket
   token verifier`,
)

/** Words of names that hold something of a person, or free text, which may hold anything. */
const PRIVATE_WORDS = wordSet(
  `address bcc birth birthday cc city contact dob email emails from gender ip latitude longitude mail
   mobile name nickname number phone postal postcode recipient recipients routing street surname tel
   telephone to username zip
   body caption comment content contents data description details document html input instruction
   instructions memo message messages note notes payload prompt q query search snippet subject
   summary system text title topic value values`,
)

/** `contact_id`, `messageIds`: names a record and holds nothing of it. */
const REFERENCE_WORDS = wordSet('count id ids kind status type uuid')

/** Places whose answer is kept, and the longest of them. */
const REMEMBERED = 2048
const REMEMBERED_LENGTH = 128

/** A rule in components: `messages[*].content` -> messages, content; `*` is any one of them. */
type Pattern = readonly string[]

// A memo of a pure function, so that a service's rules are read once and not per request.
const compiled = new WeakMap<RedactRules, { query: IsSensitive; body: IsSensitive }>()

export function compileRules(rules: RedactRules): { query: IsSensitive; body: IsSensitive } {
  const known = compiled.get(rules)
  if (known) return known
  const personal = rules.pii.map(parsePattern)
  const made = {
    query: sensitiveBy([...rules.query.map(parsePattern), ...personal]),
    body: sensitiveBy([...rules.body.map(parsePattern), ...personal]),
  }
  compiled.set(rules, made)
  return made
}

/** The components of a name: `card[number]` -> card, number; indices and empty ones are dropped. */
export function placeOf(name: string): readonly string[] {
  return name.split(/[.[\]]+/).filter((part) => part !== '' && !/^\d+$/.test(part))
}

function parsePattern(pattern: string): Pattern {
  const components = placeOf(pattern.replaceAll('[*]', '').toLowerCase())
  return components[0] === '*' ? components.slice(1) : components
}

function sensitiveBy(patterns: readonly Pattern[]): IsSensitive {
  return rememberedPlaces(
    (place) => isSensitiveName(place) || patterns.some((pattern) => occursIn(pattern, place)),
  )
}

/** A service has few fields and many requests; names that callers make up do not fill the memory. */
function rememberedPlaces(isSensitive: IsSensitive): IsSensitive {
  const known = new Map<string, boolean>()
  return (place) => {
    // Two forms that cannot be taken for each other, whatever stands in a name.
    const key = place.length === 1 ? `=${place[0] ?? ''}` : JSON.stringify(place)
    const before = known.get(key)
    if (before !== undefined) return before
    const answer = isSensitive(place)
    if (known.size >= REMEMBERED) known.clear()
    if (key.length <= REMEMBERED_LENGTH) known.set(key, answer)
    return answer
  }
}

/** Whether the pattern matches somewhere inside: `card[number]` also covers `source[card][number]`. */
function occursIn(pattern: Pattern, place: readonly string[]): boolean {
  if (pattern.length === 0) return false
  for (let start = 0; start + pattern.length <= place.length; start++) {
    const fits = pattern.every(
      (part, offset) => part === '*' || part === place[start + offset]?.toLowerCase(),
    )
    if (fits) return true
  }
  return false
}

function isSensitiveName(place: readonly string[]): boolean {
  if (place.some((name) => wordsOf(name).some((word) => SECRET_WORDS.has(word)))) return true
  const words = wordsOf(place.at(-1) ?? '')
  const isReference = words.length > 1 && REFERENCE_WORDS.has(words.at(-1) ?? '')
  return !isReference && words.some((word) => PRIVATE_WORDS.has(word))
}

/** `clientSecret`, `client_secret`, `client-secret` -> client, secret. */
function wordsOf(name: string): readonly string[] {
  const spaced = name.replace(/([a-z0-9])([A-Z])/g, '$1 $2')
  return spaced.toLowerCase().split(/[^a-z0-9]+/)
}

function wordSet(words: string): ReadonlySet<string> {
  return new Set(words.trim().split(/\s+/))
}
