/** The thread of a journal's writer whose files have faults to order. */

import { parentPort, workerData } from 'node:worker_threads'
import { runWriter, type WriterOrders } from '../../src/storage/journal/writer-loop.ts'
import { createFaultyFiles } from './faulty-files.ts'

const { faults, ...orders } = workerData as WriterOrders & { readonly faults: SharedArrayBuffer }
const end = (): never => {
  throw new Error('ended to order')
}

await runWriter(orders, createFaultyFiles(faults, end), (message) => {
  parentPort?.postMessage(message)
})
