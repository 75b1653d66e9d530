/**
 * Whether a text carries a vendor's real key anywhere: in a URL, a header, a body. Every request is
 * asked this, so nearly every text gets a cheap no: a key is a long run, and few texts have one.
 */

import { looksLikeRealCredential } from './looks-real.ts'

/** No known key, and no token of ours, has a shorter run of letters, digits, `_` and `-`. */
const RUN = 20
/** As much of a key may stand before its run: `SG.`, `AC...:`, `xoxe.xoxp-1-`. */
const BEFORE = 48
const WINDOW = 256
/** Looks at so many runs, or fewer slow ones: a text of nothing else is a file, or made to cost time. */
const PATIENCE = 128
const SLOW_LOOK = 8

/** Something of each shape that looks-real.ts knows, where a cheap look finds it. */
const SIGN =
  /[sr]k[_-]|whsec_|gh[pousr]_|github_pat_|gl[a-z]{2,4}-|xox|xapp-|A[KSBC][IC]A|SG\.|re_|lin_|do[opr]_v1_|AIza|ya29\.|GOCSPX-|ntn_|secret_|(?:AC|SK)[0-9a-f]{32}:|cf(?:k|ut|at)_|v1\.0-|[MNO][\w-]{22,28}\.[\w-]{6}\.|npm_|hf_|xai-|r8_|shp|dckr_|hv[bs]\.|AGE-/

const IN_RUN = new Uint8Array(256)
for (const character of '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz')
  IN_RUN[character.charCodeAt(0)] = 1

/** Whether there is a run that is long enough for a key or a token. */
export function holdsLongRun(text: string): boolean {
  return nextRun(text, 0) >= 0
}

/** Whether something in the text looks like a real key. Our own tokens never count. */
export function carriesRealCredential(text: string): boolean {
  if (text.includes('PRIVATE KEY-----')) return true
  let patience = PATIENCE
  let at = nextRun(text, 0)
  while (at >= 0 && patience > 0) {
    const window = windowAt(text, at)
    const isSuspect = SIGN.test(window)
    if (isSuspect && looksLikeRealCredential(window) !== undefined) return true
    patience -= isSuspect ? SLOW_LOOK : 1
    at = nextRun(text, endOfRun(text, at))
  }
  return false
}

/** Where the next long run begins; -1 when there is none. Looks at a twentieth of most texts. */
function nextRun(text: string, from: number): number {
  let start = from
  while (start + RUN <= text.length) {
    let at = start + RUN - 1
    while (at >= start && IN_RUN[text.charCodeAt(at)] === 1) at--
    if (at < start) return start
    start = at + 1
  }
  return -1
}

/** A very long run is looked at in pieces. */
function endOfRun(text: string, start: number): number {
  const limit = Math.min(start + WINDOW - BEFORE, text.length)
  let at = start + RUN
  while (at < limit && IN_RUN[text.charCodeAt(at)] === 1) at++
  return at
}

function windowAt(text: string, run: number): string {
  const start = Math.max(run - BEFORE, 0)
  const window = text.slice(start, run + WINDOW)
  // Where the window cuts a word, the rest of that word is not the beginning of a key.
  return start === 0 ? window : window.replace(/^[0-9A-Za-z]+/, '')
}
