/** The thread of a journal's writer in a process that is going to be killed. */

import { parentPort, workerData } from 'node:worker_threads'
import { runWriter, type WriterOrders } from '../../src/storage/journal/writer-loop.ts'
import { createKillFiles } from './kill-files.ts'
import { shareTrigger } from './kill-points.ts'

const { faults, ...orders } = workerData as WriterOrders & { readonly faults: SharedArrayBuffer }
const trigger = shareTrigger(faults)

await runWriter(orders, createKillFiles(trigger), (message) => {
  if (message === 'written') trigger.reach('batch counted')
  parentPort?.postMessage(message)
  if (message === 'written') trigger.reach('batch acknowledged')
})
