/** What the opening of a line tells without parsing it: enough to join, to sort and to skip. */

export interface Glance {
  readonly sequence: number
  /** RFC 3339 with milliseconds: sorts as text. */
  readonly time: string
  readonly kind: string
  readonly requestId: string | undefined
}

/** Long enough for the opening of every line that we write. */
const OPENING = 256

const SHAPE =
  /^\{"seq":(\d{1,16}),"time":"([^"]{24})","kind":"([a-z]+)","requestId":(?:"([^"]{0,128})"|null)/

/** Undefined for what is no whole line of ours: torn, overwritten, or somebody else's. */
export function glanceAt(line: Buffer): Glance | undefined {
  if (line.at(-1) !== CLOSING_BRACE) return undefined
  const [found, sequence, time = '', kind = '', requestId] =
    SHAPE.exec(line.toString('latin1', 0, OPENING)) ?? []
  if (found === undefined || line.includes(0)) return undefined
  return { sequence: Number(sequence), time, kind, requestId }
}

const CLOSING_BRACE = 0x7d
