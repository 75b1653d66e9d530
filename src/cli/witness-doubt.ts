/** What a witness finds wrong with a server's audit. */

/** What was found once and does not go away; the other kinds may be otherwise next time. */
export const LASTING = ['cut', 'rewritten', 'gone', 'key'] as const

/** Why a log is not believed to be the one that was seen before. */
export interface Doubt {
  readonly kind: LastingDoubt['kind'] | 'hidden' | 'unproven'
  /** Of the writer that it is about; the key is that of all. */
  readonly origin?: string | undefined
  readonly message: string
  /** The checkpoint that does not fit. */
  readonly note?: string | undefined
}

export interface LastingDoubt extends Doubt {
  readonly kind: (typeof LASTING)[number]
}

export const isLasting = (doubt: Doubt): doubt is LastingDoubt =>
  LASTING.some((kind) => kind === doubt.kind)

/** Of several with one name the first is enough. */
export const nameOf = ({ kind, origin = '' }: Doubt): string => `${kind} ${origin}`
