/** Commands as an operator can paste them: what comes from outside cannot become another command. */

const PLAIN_WORD = /^[A-Za-z0-9_][A-Za-z0-9_.,:/=@+-]*$|^--?[a-z][a-z-]*$/

/** `apistronghold` with its arguments, quoted for a POSIX shell where that is needed. */
export function commandLine(...words: readonly string[]): string {
  return ['apistronghold', ...words.map(quoted)].join(' ')
}

/** Controls and marks that change what is seen cannot be typed, so they are not offered. */
function quoted(word: string): string {
  if (PLAIN_WORD.test(word)) return word
  const visible = word.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?')
  return `'${visible.replaceAll("'", `'\\''`)}'`
}
