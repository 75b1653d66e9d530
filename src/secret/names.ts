/** What a secret may be called: its service's id, or the id and a split, as `openai-admin`. */

const NAME = /^[a-z][a-z0-9-]{1,63}$/
const FIELD_NAME = /^[a-z][a-z0-9_]{0,31}$/
const SEALER_NAME = /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/

export function isSecretName(text: string): boolean {
  return NAME.test(text)
}

/** A part of a credential: `secret`, `username`, `account_sid`. */
export function isFieldName(text: string): boolean {
  return FIELD_NAME.test(text)
}

/** The operator's name under which a sealing key stands in the configuration. */
export function isSealerName(text: string): boolean {
  return SEALER_NAME.test(text)
}
