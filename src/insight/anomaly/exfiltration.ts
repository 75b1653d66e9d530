/** A token of ours, or what looks like a real key, in a place where neither belongs. */

import type { Judged } from './judged.ts'

const SCORES: ReadonlyMap<string, number> = new Map([
  ['real_credential', 0.9],
  ['credential_in_body', 0.8],
  ['credential_in_url', 0.8],
  ['credential_in_header', 0.7],
  ['phantom_in_body', 0.8],
  ['phantom_in_url', 0.7],
  ['phantom_in_header', 0.5],
])

const WORDS: ReadonlyMap<string, string> = new Map([
  ['real', "a service's real key was used as a token"],
  ['credential', "something with the look of a service's real key stood in the "],
  ['phantom', 'a token of ours stood in the '],
])

/** An upstream that shows its callers' credentials; the client got stars in place of it. */
export function judgeEcho(marks: readonly string[]): Judged | undefined {
  if (!marks.includes('credential_echo')) return undefined
  const reason = "the service's answer held the credential that it was given, which was taken out"
  return { rule: 'credential_echo', score: 0.9, reason }
}

/** The surest of the marks; undefined where none tells of that. */
export function judgeMarks(marks: readonly string[]): Judged | undefined {
  let surest: Judged | undefined
  for (const mark of marks) {
    const score = SCORES.get(mark)
    if (score === undefined || score <= (surest?.score ?? 0)) continue
    const [kind = '', , place = ''] = mark.split('_')
    const words = WORDS.get(kind) ?? ''
    const reason = kind === 'real' ? words : `${words}${place} of a request`
    surest = { rule: 'exfiltration', score, reason }
  }
  return surest
}
