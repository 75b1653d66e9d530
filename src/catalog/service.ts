/** A compiled service: what a catalogue file means, in the form that the road asks questions of. */

export type Risk = 'read' | 'write' | 'money' | 'destructive' | 'admin' | 'secrets'
type Effect = 'spend' | 'external_send' | 'publish'

export interface Scope {
  /** Full name, `stripe:refund`. */
  readonly id: string
  readonly name: string
  readonly risk: Risk
  readonly title: string
  readonly effects: readonly Effect[]
}

type HostRole =
  | 'api'
  | 'upload'
  | 'download'
  | 'git'
  | 'oauth'
  | 'ingest'
  | 'websocket'
  | 'webhook'
  | 'redirect-target'
  | 'smtp'
  | 's3'

export interface ServiceHost {
  /** Exact lower-case name, or `*.suffix`. */
  readonly name: string
  readonly role: HostRole
  readonly basePath: string | undefined
  /** none: the credential never goes there. passthrough: the caller's own header goes through. */
  readonly auth: 'inject' | 'none' | 'passthrough'
}

/** A place where a client may put the phantom token. All of them are removed before forwarding. */
export type AcceptPlace =
  | {
      readonly in: 'header'
      readonly name: string
      readonly scheme: 'bearer' | 'basic' | 'token' | 'bot' | 'raw'
      /** Which half of Basic carries the token; the other half is ignored. */
      readonly field?: 'username' | 'password'
    }
  | { readonly in: 'query'; readonly field: string; readonly required: boolean }
  | { readonly in: 'path'; readonly pattern: string }
  | { readonly in: 'websocket_protocol'; readonly prefix: string }
  | { readonly in: 'form' | 'json'; readonly field: string }
  | { readonly in: 'sigv4' }

/** How the credential enters. `format` knows `{field}` and `{base64:...}` over credential fields. */
export type InjectRule =
  | {
      readonly in: 'header'
      readonly name: string
      readonly format: string
      /** Skipped when a field that it names is absent. */
      readonly optional: boolean
      /** Host names it is limited to. */
      readonly hosts?: readonly string[]
    }
  | {
      readonly in: 'query'
      readonly field: string
      readonly format: string
      readonly hosts?: readonly string[]
    }
  | {
      readonly in: 'path'
      readonly pattern: string
      readonly format: string
      readonly hosts?: readonly string[]
    }

export interface CredentialField {
  readonly name: string
  readonly secret: boolean
  readonly optional: boolean
  /** A linear-time pattern that a value should match; `secret set` warns or refuses by it. */
  readonly pattern?: RegExp
}

/** How the short-lived `{secret}` of requests, or a key pair, is made from what is stored. */
export interface MintRule {
  readonly grant: MintGrant
  /** Where it is asked for; `{field}` stands for a field of the credential. */
  readonly url: string
  readonly clientAuth: 'basic' | 'post'
  readonly body: 'form' | 'json'
  /** Of OAuth, as the server wants them: separated by spaces. */
  readonly scope: string | undefined
  readonly audience: string | undefined
  /** PEM text. */
  readonly ca: string | undefined
  readonly allowPrivateAddress: boolean
}

export type MintGrant =
  | 'oauth2_refresh'
  | 'oauth2_client_credentials'
  | 'google_service_account'
  | 'github_app'
  | 'aws_assume_role'

/** One way to hold this service's credential. */
export interface CredentialForm {
  readonly type: string
  readonly fields: readonly CredentialField[]
  /** Absent: the stored fields are what goes into requests. */
  readonly mint?: MintRule
}

/** Whether this build can use the service at all. */
export type Support =
  { readonly ready: true; readonly note?: string } | { readonly ready: false; readonly why: string }

/** The shape of a refusal that the service's own clients understand. */
export type RefusalShape = 'problem' | 'slack' | 'google' | 'aws' | 'graphql'

/** An operator's replacement of the dialled address; rules still judge the catalogue host. */
export interface OriginOverride {
  /** `https://host:port`, no path. */
  readonly url: string
  /** PEM text. */
  readonly ca?: string
  readonly allowPrivateAddress: boolean
}

interface ClientVariable {
  readonly name: string
  /** May use {proxy} {proxy_host} {token} and credential fields that are not secret. */
  readonly value: string
  readonly readers?: string
  readonly optional: boolean
}

/** Field names whose values never reach the audit; see audit/redact. */
export interface RedactRules {
  readonly body: readonly string[]
  readonly query: readonly string[]
  readonly path: readonly string[]
  readonly response: readonly string[]
  readonly pii: readonly string[]
}

/** Keys from the top of an answer's JSON to a value in it. */
type AnswerPlace = readonly string[]

/** Where an answer tells what its request cost; see audit/usage. The first that is there counts. */
export interface UsageRule {
  readonly model: readonly AnswerPlace[]
  readonly currency: readonly AnswerPlace[]
  /** Each of these is a sum. */
  readonly inputTokens: readonly (readonly AnswerPlace[])[]
  readonly outputTokens: readonly (readonly AnswerPlace[])[]
  readonly cachedTokens: readonly (readonly AnswerPlace[])[]
  readonly amount: readonly (readonly AnswerPlace[])[]
}

export interface Service {
  readonly id: string
  readonly name: string
  readonly category: string
  readonly docs: string | undefined
  readonly hosts: readonly ServiceHost[]
  readonly accept: readonly AcceptPlace[]
  readonly inject: readonly InjectRule[]
  /** Requests are signed (SigV4): the secret itself never leaves, so a wildcard host may get them. */
  readonly isSigned: boolean
  /** Lower-case names of headers removed from every request. */
  readonly stripHeaders: readonly string[]
  readonly credentialForms: readonly CredentialForm[]
  /** Scope name (`admin`) -> secret name (`openai-admin`) where it is not the service's own id. */
  readonly credentialSplits: ReadonlyMap<string, string>
  /** Secret name for everything else: the id, or what `same_as` and the configuration say. */
  readonly credential: string
  /** Literal text before the token in the service's key shape, `sk_live_`; `token issue --shape`. */
  readonly tokenPrefix: string | undefined
  readonly clients: {
    readonly env: readonly ClientVariable[]
    readonly sdk: Readonly<Record<string, string>>
    readonly routing: readonly string[]
  }
  /** By short name, in file order. */
  readonly scopes: ReadonlyMap<string, Scope>
  readonly support: Support
  readonly refusal: RefusalShape
  readonly bodyLimitBytes: number
  readonly allowEncodedSlash: boolean
  readonly origin: OriginOverride | undefined
  readonly redact: RedactRules
  /** The definition as in its file, `scopes` keyed by name; what `service show --json` prints. */
  readonly definition: Readonly<Record<string, unknown>>
  /** Hex SHA-256 over the effective definition; stands in every audit record. */
  readonly digest: string
}
