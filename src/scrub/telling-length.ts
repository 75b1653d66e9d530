/**
 * How much of a secret's beginning may be seen: eight bytes, or the label that all secrets of its
 * kind begin with. An upstream that quotes a key with its end cut off tells the rest of it.
 */

/** So much of any secret may be shown. */
export const SEEN_BYTES = 8

/** Every JWT of an issuer has the same header, and every key in PEM the same first line. */
const HEADS = /^(?:eyJ[\w-]+\.|-----BEGIN [A-Z0-9 ]+-----\r?\n?)/

/** `sk_live_`, `sk-ant-api03-`, `github_pat_`. */
const LABEL = /^(?:[A-Za-z]{1,8}\d{0,2}[-_]){1,3}/
/** A label is a small part of a key; of a few words with dashes it would be most. */
const LABEL_SHARE = 1 / 4

/** From so many bytes on, counted from its beginning, a secret must not be seen; at most its length. */
export function tellingLength(value: Buffer): number {
  const text = value.toString('latin1')
  const head = HEADS.exec(text)?.[0].length
  const label = LABEL.exec(text)?.[0].length ?? 0
  const known = head ?? (label <= text.length * LABEL_SHARE ? label : 0)
  return Math.min(value.length, Math.max(SEEN_BYTES, known) + 1)
}
