/** The few DER forms that an X.509 certificate is made of (ITU-T X.690), written by hand. */

function element(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content), content])
}

function lengthOf(content: Buffer): Buffer {
  if (content.length < 0x80) return Buffer.from([content.length])
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(content.length)
  const significant = bytes.subarray(bytes.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.from([0x80 | significant.length]), significant])
}

export const sequence = (...parts: readonly Buffer[]): Buffer => element(0x30, ...parts)
export const set = (...parts: readonly Buffer[]): Buffer => element(0x31, ...parts)
export const integer = (bytes: Buffer): Buffer => element(0x02, bytes)
export const octets = (bytes: Buffer): Buffer => element(0x04, bytes)
export const bits = (bytes: Buffer): Buffer => element(0x03, Buffer.from([0]), bytes)
export const boolean = (value: boolean): Buffer => element(0x01, Buffer.from([value ? 0xff : 0]))
export const utf8 = (text: string): Buffer => element(0x0c, Buffer.from(text))

/** A context-specific tag: `explicit` ones wrap an element, implicit ones replace its tag. */
export function tagged(number: number, content: Buffer, form: 'explicit' | 'implicit'): Buffer {
  return element((form === 'explicit' ? 0xa0 : 0x80) | number, content)
}

export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

/** Big-endian groups of seven bits, every one but the last marked with the high bit. */
function base128(value: number): number[] {
  const groups = [value & 0x7f]
  for (let rest = value >> 7; rest > 0; rest >>= 7) groups.unshift((rest & 0x7f) | 0x80)
  return groups
}

/** UTCTime, which RFC 5280 4.1.2.5 asks for up to the year 2049. */
export function utcTime(at: Date): Buffer {
  const digits = at.toISOString().replace(/\D/g, '').slice(2, 14)
  return element(0x17, Buffer.from(`${digits}Z`))
}
