/** The network of a source address: what counted refusals are grouped by. */

import ipaddr from 'ipaddr.js'

/** `203.0.113.0/24` or `2001:db8:7::/48`; what is no address is `other`. */
export function networkOf(source: string): string {
  if (!ipaddr.isValid(source)) return 'other'
  const address = ipaddr.process(source) // an IPv4 address inside IPv6 is itself
  if (address instanceof ipaddr.IPv4) return `${address.octets.slice(0, 3).join('.')}.0/24`
  const [first = 0, second = 0, third = 0] = address.parts
  return `${new ipaddr.IPv6([first, second, third, 0, 0, 0, 0, 0]).toString()}/48`
}
