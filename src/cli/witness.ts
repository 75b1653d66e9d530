/**
 * Each command as a witness of the audit: it keeps the checkpoints that servers' answers carry, and
 * warns when one of them shows less than was seen before. It never lets a command fail.
 */

import { createClient, type Client, type ClientOptions } from '../../sdk/src/client.ts'
import { ServerWatch, type Examined, type Manner } from './server-watch.ts'
import type { Terminal } from './terminal.ts'
import type { WitnessedServer } from './witness-file.ts'

export interface Witness {
  /** A client whose answers are witnessed. Throws what `createClient` throws. */
  createClient(witnessed: WitnessedServer, options: ClientOptions): Client
  /**
   * Asks for the checkpoints of all writers and judges them by what was seen before. What it finds is
   * kept, or warned of, at the end.
   */
  examine(client: Client): Promise<Examined>
  /** At the end of a command: keeps what was seen, and says what is wrong with it. Never throws. */
  settle(): Promise<void>
}

/** For commands that go on and on. */
const SETTLE_MS = 10_000

export function createWitness(terminal: Terminal, shared: Manner): Witness {
  const watches = new Map<Client, ServerWatch>()
  let timer: NodeJS.Timeout | undefined
  const settle = async () => {
    for (const watch of watches.values()) await watch.settle()
  }
  return {
    createClient(witnessed, options) {
      const watch = new ServerWatch({ terminal, shared, witnessed, options })
      const client = createClient({
        ...options,
        onCheckpoint: (note) => {
          watch.take(note)
        },
      })
      watches.set(client, watch)
      timer ??= setInterval(() => void settle(), SETTLE_MS).unref()
      return client
    },
    async examine(client) {
      const watch = watches.get(client)
      if (!watch) throw new TypeError('a client of another witness')
      return watch.examine(await client.audit.checkpoints())
    },
    async settle() {
      clearInterval(timer)
      await settle()
    },
  }
}
