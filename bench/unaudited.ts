/** The command with no-journal.ts in place of the journal. No setting does this: only a benchmark may. */

import { registerHooks } from 'node:module'

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context)
    if (!found.url.endsWith('/src/storage/journal/journal.ts')) return found
    return { ...found, url: new URL('no-journal.ts', import.meta.url).href }
  },
})

// By address, since it has no types to import.
await import(new URL('../bin/apistronghold.js', import.meta.url).href)
