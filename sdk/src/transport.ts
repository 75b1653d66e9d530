/**
 * One call: URL checked, redirects refused, answers capped in size, every ending a typed one.
 *
 * The key travels in a header to one origin only. Neither it nor a body is ever in a message.
 */

import { ApiError, type Problem, UnreachableError } from './errors.ts'

/** The part of `fetch` that is used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface TransportOptions {
  readonly url: string
  readonly key?: string | undefined
  readonly fetch?: Fetch | undefined
  readonly timeoutMs?: number | undefined
  /** PEM certificates to trust instead of the public roots; Node only. */
  readonly ca?: string | undefined
  /** SHA-256 (hex) of the one certificate to trust, whatever its names and dates; Node only. */
  readonly certificateSha256?: string | undefined
  /** Lets the key travel over plain http to another machine, where a mesh or tunnel protects it. */
  readonly allowPlaintext?: boolean | undefined
  /** Gets the signed checkpoint of the audit that comes with an answer, refusals included. */
  readonly onCheckpoint?: ((note: string) => void) | undefined
}

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Begins with a slash; made with `pathOf`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string | undefined>>
  /** Statuses besides 2xx whose body is the answer. */
  readonly alsoGood?: readonly number[]
}

/** Performs a call and returns the parsed body, undefined when it is empty. */
export type Transport = (call: Call) => Promise<unknown>

const MAX_ANSWER_BYTES = 32 * 1024 * 1024
const DEFAULT_TIMEOUT_MS = 30_000
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** A path whose variable segments cannot become other segments. */
export function pathOf(...segments: readonly string[]): string {
  return segments.map((segment) => `/${encodeSegment(segment)}`).join('')
}

/** URL parsers resolve `..` in every spelling but a doubly encoded one, which names nothing here. */
function encodeSegment(segment: string): string {
  return /^\.{1,2}$/.test(segment) ? segment.replaceAll('.', '%252E') : encodeURIComponent(segment)
}

export function createTransport(options: TransportOptions): Transport {
  const base = checkedBase(options)
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  return async (call) => {
    const fetch = options.fetch ?? (await fetchFor(options))
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const response = await fetch(urlOf(base, call), requestOf(call, options.key, signal))
      const checkpoint = checkpointOf(response)
      if (checkpoint !== undefined) options.onCheckpoint?.(checkpoint)
      return await answerOf(response, call, base.origin)
    } catch (error) {
      throw error instanceof ApiError || error instanceof UnreachableError
        ? error
        : unreachable(error, base.origin)
    }
  }
}

function checkedBase({ url, allowPlaintext = false }: TransportOptions): URL {
  const base = URL.parse(url)
  if (!base || !['http:', 'https:'].includes(base.protocol))
    throw new TypeError('the control plane URL must begin with https:// or http://')
  if (`${base.username}${base.password}${base.search}${base.hash}` !== '')
    throw new TypeError('the control plane URL must not carry credentials, a query or a fragment')
  // The key must not cross a network in clear.
  const isProtected = base.protocol === 'https:' || LOOPBACK.test(base.hostname)
  if (!isProtected && !allowPlaintext)
    throw new TypeError('plain http is accepted only on this machine; use https')
  return base
}

function urlOf(base: URL, { path, query = {} }: Call): string {
  const url = new URL(base.pathname.replace(/\/+$/, '') + path, base.origin)
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, String(value))
  return url.href
}

function requestOf(call: Call, key: string | undefined, signal: AbortSignal): RequestInit {
  const headers = new Headers({ accept: 'application/json, application/problem+json' })
  if (key !== undefined) headers.set('authorization', `Bearer ${key}`)
  for (const [name, value] of Object.entries(call.headers ?? {}))
    if (value !== undefined) headers.set(name, value)
  const init: RequestInit = { method: call.method, headers, signal, redirect: 'manual' }
  if (call.body === undefined) return init
  headers.set('content-type', 'application/json')
  return { ...init, body: JSON.stringify(call.body) }
}

/** Undefined where there is none that can be read. */
function checkpointOf({ headers }: Response): string | undefined {
  const base64 = headers.get('apistronghold-checkpoint') ?? ''
  if (!/^[0-9A-Za-z+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0) return undefined
  return new TextDecoder().decode(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)))
}

async function answerOf(response: Response, call: Call, origin: string): Promise<unknown> {
  if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400))
    throw new UnreachableError('answer', origin, 'it redirects elsewhere, which is not followed')
  const text = await readCapped(response, origin)
  const body = parsed(text, origin)
  if (response.ok || call.alsoGood?.includes(response.status)) return body
  if (isProblem(body)) throw new ApiError(body)
  throw new UnreachableError('answer', origin, `status ${response.status} without a problem body`)
}

async function readCapped(response: Response, origin: string): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  const stream: AsyncIterable<Uint8Array> | readonly Uint8Array[] = response.body ?? []
  for await (const chunk of stream) {
    bytes += chunk.byteLength
    if (bytes > MAX_ANSWER_BYTES)
      throw new UnreachableError('answer', origin, 'its answer is larger than any real one')
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function parsed(text: string, origin: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    throw new UnreachableError('answer', origin, 'what answers there is no control plane')
  }
}

function isProblem(body: unknown): body is Problem {
  if (typeof body !== 'object' || body === null) return false
  const { status, code, title, detail } = body as Readonly<Record<string, unknown>>
  return (
    typeof status === 'number' && [code, title, detail].every((text) => typeof text === 'string')
  )
}

/** Node's fetch trusts the public roots only; anything else needs node:https. */
async function fetchFor({ ca, certificateSha256 }: TransportOptions): Promise<Fetch> {
  if (ca === undefined && certificateSha256 === undefined)
    return (url, init) => globalThis.fetch(url, init)
  const { createAuthorityFetch } = await import('./authority-fetch.ts')
  return createAuthorityFetch({ ca, certificateSha256 })
}

function unreachable(error: unknown, origin: string): UnreachableError {
  if (error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError'))
    return new UnreachableError('timeout', origin, 'no answer in time')
  return new UnreachableError('network', origin, systemCodeOf(error) ?? 'the connection failed')
}

/** `ECONNREFUSED` and the like, from the error or what caused it. */
function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if ('code' in error && typeof error.code === 'string') return error.code
  return systemCodeOf(error.cause)
}
