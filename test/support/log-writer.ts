/** Writes each line of its input to a file as the log does, and says so on standard output. */

import { openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createLogOutput } from '../../src/main/log-output.ts'

const fd = openSync(process.argv[2] ?? '', 'a')
const output = createLogOutput({ fd, wordLoss: (lines) => `lost ${lines}\n` })
for await (const line of createInterface({ input: process.stdin })) {
  output.write(`${line}\n`)
  process.stdout.write('written\n')
}
