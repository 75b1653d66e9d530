/** The thread of a journal's writer whose files have faults to order. */

import { parentPort, workerData } from 'node:worker_threads'
import { runWriter, type WriterOrders } from '../../src/storage/journal/writer-loop.ts'
import { createFaultyFiles } from './faulty-files.ts'

const { faults, ...orders } = workerData as WriterOrders & { readonly faults: SharedArrayBuffer }

// In a thread this ends the thread alone, in the middle of whatever it does.
const end = (): never => process.exit(1)

await runWriter(orders, createFaultyFiles(faults, end), (message) => {
  parentPort?.postMessage(message)
})
