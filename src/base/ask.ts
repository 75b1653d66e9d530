/** One question over HTTP to a server that the operator named. network/ implements it on `Dial`. */

export interface Question {
  readonly method: 'GET' | 'POST'
  /** `https:`, or `http:` on this machine. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** PEM certificates to trust instead of the public roots. */
  readonly ca: string | undefined
  readonly allowPrivateAddress: boolean
}

export interface Reply {
  readonly status: number
  /** Names in lower case; of several lines with one name the first. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/**
 * Never follows a redirect, and uses a connection of its own. Throws what `Dial` throws, and
 * `upstream_unreachable` or `upstream_timeout` when no whole reply of a bounded size came in time.
 */
export type Ask = (question: Question) => Promise<Reply>
