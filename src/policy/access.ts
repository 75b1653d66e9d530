/** What one request asks for, in policy's words; each door translates its own request into this. */

export interface Access {
  readonly requestId: string
  readonly receivedAt: number
  readonly service: string
  /** Catalogue host that the rules judged, whatever address is dialled. */
  readonly host: string
  readonly method: string
  /** The raw path, exactly as it will be forwarded, without the query. */
  readonly path: string
  /** The pattern of the deciding rule, as `POST /v1/refunds/**`. */
  readonly rule: string
  /** Base scope first, then what second readings and conditions added. Full names. */
  readonly scopes: readonly string[]
  /** Why some of them were added without a look into the body: it could not be read. */
  readonly assumed?: string
  /** Name of the secret that this access needs, `stripe` or `openai-admin`; undefined for `auth: none`. */
  readonly credential: string | undefined
  /** Origin that would receive the credential, as `https://api.stripe.com`. */
  readonly origin: string
  readonly source: string
}
