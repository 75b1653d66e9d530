/** The thread of a journal's writer. */

import { parentPort, workerData } from 'node:worker_threads'
import { nodeFiles } from './files.ts'
import { runWriter, type WriterOrders } from './writer-loop.ts'

await runWriter(workerData as WriterOrders, nodeFiles, (message) => {
  parentPort?.postMessage(message)
})
