/** The checksum of Bech32 (BIP 173), which age's keys end in: it finds every typing error. */

const CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]

/** True when the text is `prefix`, a 1, and characters of the set whose checksum is right. */
export function hasBech32Checksum(text: string, prefix: string): boolean {
  if (!text.startsWith(`${prefix}1`)) return false
  const values = text
    .slice(prefix.length + 1)
    .split('')
    .map((letter) => CHARSET.indexOf(letter))
  if (values.length < 6 || values.includes(-1)) return false
  const codes = Array.from(prefix, (_, index) => prefix.charCodeAt(index))
  const high = codes.map((code) => code >> 5)
  const low = codes.map((code) => code & 31)
  return polymod([...high, 0, ...low, ...values]) === 1
}

function polymod(values: readonly number[]): number {
  let checksum = 1
  for (const value of values) {
    const top = checksum >>> 25
    checksum = ((checksum & 0x1ffffff) << 5) ^ value
    for (const [bit, generator] of GENERATOR.entries()) if ((top >> bit) & 1) checksum ^= generator
  }
  return checksum
}
