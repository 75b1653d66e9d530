/**
 * What a credential looks like, wherever it stands: our own tokens and the keys of well-known
 * services. A mistake of an agent must not put its key into a log that many people may read.
 */

/** What stands in a record where something like a credential stood. */
export const HIDDEN = '[credential]'

/** Nothing shorter is a credential that its shape alone gives away. */
const SHORTEST = 12

/** More than any field keeps; the search is linear but for what an attacker may build. */
const SEARCHED = 2048

/** Ours, wherever they stand: `/bot` + token is how some services put one into a path. */
const OURS = '(?:pt|mt|ok)_(?:live|test)_[0-9A-Za-z]{8,}'

const SHAPES = [
  // Stripe; also one of ours inside its key shape, sk_live_pt_live_...
  '(?:sk|rk|pk)_(?:live|test)_\\w{8,}',
  'whsec_[\\w+/=-]{16,}',
  // OpenAI, Anthropic
  'sk-[\\w-]{16,}',
  // GitHub, GitLab
  'gh[pousr]_[0-9A-Za-z]{16,}',
  'github_pat_\\w{16,}',
  'gl[a-z]{1,5}-[\\w-]{20,}',
  // Slack
  'xox[a-z]?[-.][\\w.-]{10,}',
  'xapp-[\\w-]{10,}',
  // AWS, Google
  '(?:AKIA|ASIA)[0-9A-Z]{16}',
  'AIza[\\w-]{30,}',
  'ya29\\.[\\w-]{16,}',
  'GOCSPX-[\\w-]{16,}',
  // SendGrid, Resend, Linear, Notion, DigitalOcean, npm, Vault
  'SG\\.[\\w-]{16,}(?:\\.[\\w-]+)?',
  're_[0-9A-Za-z]{6,}_[0-9A-Za-z]{16,}',
  'lin_(?:api|oauth)_\\w{16,}',
  'ntn_\\w{16,}',
  'secret_[0-9A-Za-z]{32,}',
  'do[por]_v1_[0-9a-f]{16,}',
  'npm_[0-9A-Za-z]{30,}',
  'hv[sbr]\\.[\\w-]{16,}',
  // Discord's bot tokens, JSON web tokens
  '[MNO][\\w-]{22,28}\\.[\\w-]{6}\\.[\\w-]{27,}',
  'eyJ[\\w-]{8,}\\.[\\w-]{8,}(?:\\.[\\w-]*)?',
  // private keys
  'AGE-SECRET-KEY-1[0-9A-Za-z]{20,}',
  '-----BEGIN[ A-Z]+PRIVATE KEY[^]*',
  // a scheme and its credential; a password inside a URL
  '(?:[Bb]earer|[Bb]asic|[Bb]ot) +[\\w+/.~=-]{12,}',
  '(?<=://)[^/\\s:@]*:[^/\\s@]+(?=@)',
]

// No letter or digit before another's key: `risk-assessment-of-the-plan` holds no `sk-` key.
const CREDENTIAL = new RegExp(`(?<![0-9A-Za-z])(?:${SHAPES.join('|')})|${OURS}`, 'g')

/** Whether some part of the text has the shape of a credential. */
export function holdsCredential(text: string): boolean {
  return text.length >= SHORTEST && text.search(CREDENTIAL) !== -1
}

/**
 * The text without its credentials; what looks like one becomes `[credential]`. Only the beginning
 * of a very long text is searched, and only that is given back.
 */
export function hideCredentials(text: string): string {
  if (text.length < SHORTEST) return text
  if (text.length <= SEARCHED) return text.replace(CREDENTIAL, HIDDEN)
  return `${text.slice(0, SEARCHED).replace(CREDENTIAL, HIDDEN)}[+${text.length - SEARCHED}]`
}
