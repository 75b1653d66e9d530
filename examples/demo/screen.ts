/** How the story looks: steps, commands as typed, claims that are ticked or crossed. */

import colors from 'picocolors'

export interface Screen {
  title(title: string, subtitle: string): void
  /** Begins a numbered step; on a terminal with a pause before it, so that one can read along. */
  step(text: string): Promise<void>
  /** A command as the operator would type it, with what it printed. */
  command(line: string, output?: string): Promise<void>
  /** What somebody in the story says. */
  say(who: string, text: string): void
  claim(text: string, isTrue: boolean): void
  /** Claims that turned out false. */
  readonly broken: number
}

const WIDTH = 92
/** The story's beat: a slow machine makes the pauses shorter, not the story longer. */
const BEAT_MS = 2400
const PAUSE_MS = { step: 250, command: 350 }

export function createScreen(output: NodeJS.WriteStream): Screen {
  const startedAt = Date.now()
  let steps = 0
  let broken = 0
  const pause = (milliseconds: number) =>
    new Promise((resolve) => setTimeout(resolve, output.isTTY ? milliseconds : 0))
  const line = (text: string) => output.write(`${text}\n`)
  // A table's rows are cut at the terminal's edge, not broken over it.
  const width = output.isTTY && output.columns > 0 ? output.columns : Infinity
  const fit = (text: string) => colors.dim(text.slice(0, width))
  const indented = (text: string, paint: (text: string) => string) => {
    for (const each of wrap(text, WIDTH)) line(`     ${paint(each)}`)
  }

  return {
    title(title, subtitle) {
      line(`\n  ${colors.bold(title)}  ${colors.dim(subtitle)}`)
    },
    async step(text) {
      await pause(Math.max(PAUSE_MS.step, startedAt + steps * BEAT_MS - Date.now()))
      steps += 1
      line(`\n  ${colors.bold(colors.cyan(`${steps}`))}  ${colors.bold(text)}`)
    },
    async command(typed, printed = '') {
      indented(`$ ${typed}`, colors.yellow)
      await pause(PAUSE_MS.command)
      for (const each of printed.split('\n')) if (each !== '') line(fit(`     ${each}`))
    },
    say(who, text) {
      indented(`${who}: ${text}`, (each) => each)
    },
    claim(text, isTrue) {
      if (!isTrue) broken += 1
      line(`     ${isTrue ? colors.green('✓') : colors.red('✗ NOT TRUE:')} ${text}`)
    },
    get broken() {
      return broken
    },
  }
}

/** Lines of at most `width` characters, broken at spaces; continuation lines are indented. */
function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const current = lines.at(-1) ?? ''
    if (current !== '' && current.length + 1 + word.length > width) lines.push(`  ${word}`)
    else
      lines[lines.length - 1] = lines.length === 1 && current === '' ? word : `${current} ${word}`
  }
  return lines
}
