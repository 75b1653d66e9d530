/** A terminal that collects what is printed, for tests that run commands in their own process. */

import picocolors from 'picocolors'
import { createDialogue } from './dialogue.ts'
import type { Terminal } from './terminal.ts'

export interface CollectingTerminal extends Terminal {
  readonly printed: string[]
  readonly noted: string[]
}

export function aTerminal(
  given: Partial<Terminal> & { readonly input?: string } = {},
): CollectingTerminal {
  const printed: string[] = []
  const noted: string[] = []
  return {
    print: (text) => printed.push(text),
    note: (text) => noted.push(text),
    progress: () => undefined,
    isInteractive: false,
    isPrintingToPerson: false,
    columns: 160,
    dialogue: createDialogue(),
    colors: picocolors.createColors(false),
    env: {},
    workingDirectory: '/nowhere',
    readInput: async () => given.input ?? '',
    ...given,
    printed,
    noted,
  }
}
