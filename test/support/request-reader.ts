/**
 * A second HTTP/1.1 parser, independent of the product's: reads requests from raw bytes.
 * It trusts its peer to frame well, and throws on what it does not understand.
 */

export interface RecordedRequest {
  /** Number of the connection that it came on, from 0. */
  readonly connection: number
  readonly method: string
  readonly target: string
  /** In order, names and values as received. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** The request line and headers as received. */
  readonly head: Buffer
  /** Without its framing. */
  readonly body: Buffer
  /** The value of a header, several joined with ", ". */
  header(name: string): string | undefined
}

export type RequestHead = Omit<RecordedRequest, 'body' | 'connection'>

export interface RequestReader {
  /** Takes bytes; returns the requests that they complete. */
  read(bytes: Buffer): { readonly head: RequestHead; readonly body: Buffer }[]
  /** The head of a request whose body is still coming. */
  readonly pending: RequestHead | undefined
}

export function createRequestReader(): RequestReader {
  let rest: Buffer = Buffer.alloc(0)
  let pending: RequestHead | undefined

  function readOne() {
    pending ??= takeHead()
    if (!pending) return undefined
    const body = takeBody(pending, rest)
    if (!body) return undefined
    rest = rest.subarray(body.length)
    const request = { head: pending, body: body.content }
    pending = undefined
    return request
  }

  function takeHead(): RequestHead | undefined {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) return undefined
    const head = Buffer.from(rest.subarray(0, end + 4))
    rest = rest.subarray(end + 4)
    return parseHead(head)
  }

  return {
    read(bytes) {
      rest = appended(rest, bytes)
      const complete = []
      for (let request = readOne(); request; request = readOne()) complete.push(request)
      return complete
    },
    get pending() {
      return pending
    },
  }
}

/** Joins them in a store with room for more, so that a long body is not copied for each piece. */
function appended(rest: Buffer, bytes: Buffer): Buffer {
  const size = rest.length + bytes.length
  const hasRoom = rest.byteOffset + size <= rest.buffer.byteLength && rest.length > 0
  const store = hasRoom
    ? Buffer.from(rest.buffer, rest.byteOffset, size)
    : Buffer.from(new ArrayBuffer(2 * size), 0, size)
  if (!hasRoom) rest.copy(store)
  bytes.copy(store, rest.length)
  return store
}

function parseHead(head: Buffer): RequestHead {
  const [requestLine = '', ...lines] = head.toString('latin1').trimEnd().split('\r\n')
  const [method = '', target = ''] = requestLine.split(' ')
  const headers = lines.map((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const
  })
  return { method, target, headers, head, header: (name) => headerOf(headers, name) }
}

function headerOf(
  headers: readonly (readonly [string, string])[],
  name: string,
): string | undefined {
  const values = headers.filter(([each]) => each.toLowerCase() === name.toLowerCase())
  return values.length > 0 ? values.map(([, value]) => value).join(', ') : undefined
}

interface Body {
  readonly content: Buffer
  /** Bytes on the wire, framing included. */
  readonly length: number
}

/** The whole body when it has arrived, undefined while it has not. */
function takeBody(head: RequestHead, bytes: Buffer): Body | undefined {
  if (head.header('transfer-encoding')?.toLowerCase() === 'chunked') return takeChunks(bytes)
  const length = Number(head.header('content-length') ?? 0)
  return bytes.length < length
    ? undefined
    : { content: Buffer.from(bytes.subarray(0, length)), length }
}

function takeChunks(bytes: Buffer): Body | undefined {
  const chunks: Buffer[] = []
  let position = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', position)
    if (lineEnd < 0) return undefined
    const size = parseInt(bytes.toString('latin1', position, lineEnd), 16)
    if (Number.isNaN(size)) throw new Error('the recording upstream got a malformed chunk')
    const start = lineEnd + 2
    if (size === 0) return endOfTrailers(bytes, start, Buffer.concat(chunks))
    if (bytes.length < start + size + 2) return undefined
    chunks.push(bytes.subarray(start, start + size))
    position = start + size + 2
  }
}

function endOfTrailers(bytes: Buffer, start: number, content: Buffer): Body | undefined {
  if (bytes.subarray(start, start + 2).toString() === '\r\n') return { content, length: start + 2 }
  const end = bytes.indexOf('\r\n\r\n', start)
  return end < 0 ? undefined : { content, length: end + 4 }
}
