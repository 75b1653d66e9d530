/** Instants as RFC 3339 text in UTC with milliseconds: as text they sort as they do in time. */

/** Epoch milliseconds as text, or null for what is no instant. */
export type FormatInstant = (at: number) => string

/** The last second is remembered: the many records of a busy second share its text. */
export function createInstantFormat(): FormatInstant {
  let second = Number.NaN
  let prefix = ''
  return (at) => {
    const milliseconds = Math.floor(at)
    const current = Math.floor(milliseconds / 1000)
    if (current !== second) {
      // Years past 9999 have another form and are nobody's clock.
      if (!(milliseconds >= 0 && milliseconds < 253_402_300_800_000)) return 'null'
      second = current
      prefix = `"${new Date(milliseconds).toISOString().slice(0, 20)}`
    }
    return `${prefix}${String(milliseconds - current * 1000).padStart(3, '0')}Z"`
  }
}
