/**
 * Tells a vendor's real key from a phantom and from the dummies that SDKs insist on.
 *
 * An agent that sends a real key has one it should not have: the proxy refuses and marks that.
 * Our own tokens never count, bare or inside a vendor's shape (`sk_live_pt_live_...`).
 */

interface KeyShape {
  readonly kind: string
  /** Everything after the fixed prefix is captured: it must look random to count. */
  readonly pattern: RegExp
}

const OWN_TOKEN = /[0-9A-Za-z_.-]{0,16}(?:pt|mt|ok)_(?:live|test)_[0-9A-Za-z]{36}/g
const MAX_SCANNED_CHARACTERS = 8192

/** A prefix counts only where no letter or digit stands before it. */
const shape = (kind: string, source: string): KeyShape => ({
  kind,
  pattern: new RegExp(`(?<![0-9A-Za-z])${source}`, 'g'),
})

const SHAPES: readonly KeyShape[] = [
  shape('stripe', '[sr]k_(?:live|test)_([0-9A-Za-z]{16,})'),
  shape('stripe-webhook', 'whsec_([0-9A-Za-z+/]{24,})'),
  shape('anthropic', 'sk-ant-([0-9A-Za-z_-]{20,})'),
  shape('openrouter', 'sk-or-v1-([0-9A-Za-z]{32,})'),
  shape('openai', 'sk-(?:proj|svcacct|admin|None)-([0-9A-Za-z_-]{20,})'),
  shape('openai', 'sk-([0-9A-Za-z]{20,})'),
  shape('github', 'gh[pousr]_([0-9A-Za-z]{30,})'),
  shape('github', 'github_pat_([0-9A-Za-z_]{22,})'),
  shape('gitlab', 'gl(?:pat|dt|rt|cbt|ptt|soat)-([0-9A-Za-z_.-]{20,})'),
  shape('slack', 'xox[abeoprs](?:\\.xox[bp])?-([0-9A-Za-z-]{10,})'),
  shape('slack', 'xapp-[0-9]-([0-9A-Za-z-]{20,})'),
  shape('aws', '(?:AKIA|ASIA|ABIA|ACCA)([2-7A-Z]{16})(?![0-9A-Za-z])'),
  shape('sendgrid', 'SG\\.([0-9A-Za-z_-]{16,}\\.[0-9A-Za-z_-]{32,})'),
  shape('resend', 're_([0-9A-Za-z]{6,}_[0-9A-Za-z]{16,})'),
  shape('linear', 'lin_(?:api|oauth)_([0-9A-Za-z]{32,})'),
  shape('digitalocean', 'do[opr]_v1_([0-9a-f]{64})'),
  shape('google', 'AIza([0-9A-Za-z_-]{35})'),
  shape('google', 'ya29\\.([0-9A-Za-z_-]{20,})'),
  shape('google', 'GOCSPX-([0-9A-Za-z_-]{24,})'),
  shape('notion', 'ntn_([0-9A-Za-z]{40,})'),
  shape('notion', 'secret_([0-9A-Za-z]{43})'),
  shape('twilio', '(?:AC|SK)[0-9a-f]{32}:([0-9A-Za-z]{32})'),
  shape('cloudflare', 'cf(?:k|ut|at)_([0-9A-Za-z_-]{40,})'),
  shape('cloudflare', 'v1\\.0-([0-9a-f]{24}-[0-9a-f]{146})'),
  shape(
    'discord',
    '(?:Bot )?([MNO][0-9A-Za-z_-]{23,27}\\.[0-9A-Za-z_-]{6}\\.[0-9A-Za-z_-]{27,40})',
  ),
  shape('npm', 'npm_([0-9A-Za-z]{36})'),
  shape('hugging-face', 'hf_([0-9A-Za-z]{34,})'),
  shape('groq', 'gsk_([0-9A-Za-z]{40,})'),
  shape('xai', 'xai-([0-9A-Za-z]{40,})'),
  shape('replicate', 'r8_([0-9A-Za-z]{37,})'),
  shape('shopify', 'shp(?:at|ca|pa|ss)_([0-9a-fA-F]{32})'),
  shape('docker', 'dckr_(?:pat|oat)_([0-9A-Za-z_-]{20,})'),
  shape('vault', 'hv[bs]\\.([0-9A-Za-z_-]{24,})'),
  shape('age', 'AGE-SECRET-KEY-1([0-9A-Z]{58})'),
  shape('private-key', '-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\\s*([0-9A-Za-z+/]{20,})'),
]

/** The kind of real key that the text carries, bare, after a scheme or inside Basic; else undefined. */
export function looksLikeRealCredential(text: string): string | undefined {
  const scanned = text.slice(0, MAX_SCANNED_CHARACTERS)
  return findKind(scanned) ?? findKind(decodeBasic(scanned))
}

function findKind(text: string): string | undefined {
  const rest = text.replaceAll(OWN_TOKEN, ' ')
  for (const { kind, pattern } of SHAPES) {
    for (const [, body = ''] of rest.matchAll(pattern)) if (looksRandom(body)) return kind
  }
  return undefined
}

/** `sk-xxxxxxxxxxxxxxxxxxxxxxxx` and `sk-ant-put-your-own-key-here` are dummies. */
function looksRandom(body: string): boolean {
  const isMixed = /[0-9]/.test(body) || (/[a-z]/.test(body) && /[A-Z]/.test(body))
  return isMixed && new Set(body).size >= 8
}

function decodeBasic(text: string): string {
  const encoded = /^basic +([0-9A-Za-z+/_-]+)/i.exec(text)?.[1]
  return encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('latin1')
}
