/** The package's version: package.json stands above src/ in a clone, above dist/ in a package. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'

const packageSchema = z.object({ version: z.string() })

function readVersion(): string {
  let directory = import.meta.dirname
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory)
  const text = readFileSync(join(directory, 'package.json'), 'utf8')
  return packageSchema.parse(JSON.parse(text)).version
}

export const VERSION = readVersion()
