/** What may name a host, in Host and in an absolute target (RFC 9110 7.2, RFC 3986 3.2). */

/**
 * A name or an address, without user, escapes or empty port. Of the signs that RFC 3986 allows in a
 * name only `=`, which clients are known to send: the others separate lists and parameters elsewhere.
 */
const HOST = /^(?:[a-z0-9](?:[a-z0-9._=-]{0,251}[a-z0-9])?\.?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?$/

/** Whether it is a host, with or without a port; in lower case. */
export function isHost(host: string): boolean {
  if (!HOST.test(host)) return false
  const colon = host.lastIndexOf(':')
  // Behind the last colon of a bare `[::1]` stands no number, and NaN exceeds nothing.
  return colon === -1 || !(Number(host.slice(colon + 1)) > 65_535)
}
