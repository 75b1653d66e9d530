/** Where a credential may go: exact origins, or `https://*.suffix` for one that only signs. */

/** Whether one of the origins is this one, or has it under its wildcard. */
export function coversOrigin(origins: ReadonlySet<string>, origin: string): boolean {
  if (origins.has(origin)) return true
  for (const known of origins) if (isUnder(origin, known)) return true
  return false
}

const WILD = 'https://*.'

function isUnder(origin: string, wild: string): boolean {
  if (!wild.startsWith(WILD)) return false
  const suffix = wild.slice(WILD.length - 1)
  const name = origin.slice('https://'.length)
  return origin.startsWith('https://') && /^[a-z0-9.-]+$/.test(name) && name.endsWith(suffix)
}
