/**
 * A request's head as text, always built anew, with the framing that its body really has. Fields
 * that frame or that belong to the connection are written here and nowhere else: what the caller
 * gives of them is left out.
 */

import type { UpstreamRequest } from './upstream.ts'

/** Written here, or never (`Expect`: the body follows at once). */
const OURS = new Set(['expect', 'upgrade', 'connection', 'content-length', 'transfer-encoding'])
const OUR_LENGTHS = new Set([...OURS].map((name) => name.length))

/** Methods whose empty body is worth a word (RFC 9110 8.6). */
const EXPECTS_BODY = new Set(['POST', 'PUT', 'PATCH'])

const TARGET = /^[\x21-\x7e\x80-\xff]+$/
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const NO_VALUE_BYTE = /[^\t\x20-\x7e\x80-\xff]/

/**
 * The head with its empty line, one character per byte; undefined when a part could end its line:
 * a stored credential may hold any character.
 */
export function formatRequestHead(request: UpstreamRequest): string | undefined {
  const { method, path, headers } = request
  if (!NAME.test(method) || !TARGET.test(path)) return undefined
  let head = `${method} ${path} HTTP/1.1\r\n`
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const value = headers[at + 1] ?? ''
    if (!NAME.test(name) || NO_VALUE_BYTE.test(value)) return undefined
    if (OUR_LENGTHS.has(name.length) && OURS.has(name.toLowerCase())) continue
    head += `${name}: ${value}\r\n`
  }
  return `${head}${formatUpgrade(request)}${formatFraming(request)}\r\n`
}

function formatUpgrade({ upgrade }: UpstreamRequest): string {
  return upgrade === undefined ? '' : `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`
}

function formatFraming({ method, body }: UpstreamRequest): string {
  const length = body === undefined ? 0 : body.length
  if (length === undefined) return 'Transfer-Encoding: chunked\r\n'
  return length > 0 || EXPECTS_BODY.has(method) ? `Content-Length: ${length}\r\n` : ''
}
