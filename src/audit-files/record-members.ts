/** What is in a record, for the few that a verifier looks into: nothing of it is taken for granted. */

/** `leaf` has a byte before the line. Undefined for what only looks like a record. */
export function parsed(leaf: Buffer): unknown {
  try {
    return JSON.parse(leaf.toString('utf8', 1))
  } catch {
    return undefined
  }
}

export function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
