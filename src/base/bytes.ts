/** Bytes as text and back: base62 and CRC-32, which tokens and ids are made of. */

import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** `length` random base62 characters, each uniform: bytes of 248 and above are thrown away. */
export function randomBase62(length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length + 8)) {
      if (byte < 248 && text.length < length) text += BASE62.charAt(byte % 62)
    }
  }
  return text
}

/** A non-negative integer below 62^width, left-padded with zeros to `width` characters. */
export function encodeBase62(value: number, width: number): string {
  let text = ''
  for (let rest = value; rest > 0; rest = Math.floor(rest / 62))
    text = BASE62.charAt(rest % 62) + text
  return text.padStart(width, '0')
}

/** CRC-32 (ISO-HDLC, as zlib and GitHub's tokens use it) of ASCII text, six base62 characters. */
export function checksum(text: string): string {
  return encodeBase62(crc32(text), 6)
}
