/**
 * Where a credential may go: exact origins; for a key pair that only signs, and is never sent
 * itself, also `https://*.suffix`.
 */

const ORIGIN = /^https:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]+)?$/
const WILD = 'https://*.'

/** Exactly as `URL.origin` spells it: lower case, no default port, nothing after it; no wildcard. */
export function isHttpsOrigin(text: string): boolean {
  return ORIGIN.test(text) && URL.canParse(text) && new URL(text).origin === text
}

/** `https://*.amazonaws.com`: two labels at least, and no port. */
export function isWildOrigin(text: string): boolean {
  const suffix = text.slice(WILD.length)
  return text.startsWith(WILD) && /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(suffix)
}

/** Whether a credential's fields are a key pair to sign with. */
export function signs(fields: { has(name: string): boolean }): boolean {
  return fields.has('access_key_id') && fields.has('secret_access_key')
}

/** Whether a credential with these fields may go to the origin. */
export function mayGoTo(
  origin: string,
  origins: ReadonlySet<string>,
  fields: { has(name: string): boolean },
): boolean {
  if (origins.has(origin)) return true
  if (!signs(fields)) return false
  for (const known of origins) if (isUnder(origin, known)) return true
  return false
}

function isUnder(origin: string, wild: string): boolean {
  if (!isWildOrigin(wild) || !isHttpsOrigin(origin)) return false
  const { hostname, port } = new URL(origin)
  return port === '' && hostname.endsWith(wild.slice(WILD.length - 1))
}
