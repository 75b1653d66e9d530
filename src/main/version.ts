/** The package's version, read from package.json: beside src/ in a clone, two levels up in dist/. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'

const packageSchema = z.object({ version: z.string() })

function readVersion(): string {
  for (let directory = import.meta.dirname; ; directory = dirname(directory)) {
    const path = join(directory, 'package.json')
    if (existsSync(path)) return packageSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).version
    if (directory === dirname(directory)) return '0.0.0'
  }
}

export const VERSION = readVersion()
