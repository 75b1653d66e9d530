/** How far something is, as a bar for one line of a terminal. */

const WIDTH = 30

/** `[##########--------------------]  33%  1200 records`. */
export function progressBar(share: number, text: string): string {
  const done = Math.min(1, Math.max(0, share))
  const filled = Math.round(done * WIDTH)
  const percent = `${Math.floor(done * 100)}%`.padStart(4)
  return `[${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}] ${percent}  ${text}`
}
