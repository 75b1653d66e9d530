/**
 * A thread that wakes the load at even intervals. Timers of an event loop know milliseconds only,
 * and a burst each millisecond would measure its own queue.
 */

import { parentPort, workerData } from 'node:worker_threads'

const { everyMs } = workerData as { readonly everyMs: number }
const nobody = new Int32Array(new SharedArrayBuffer(4))

for (let next = performance.now() + everyMs; ; next += everyMs) {
  const left = next - performance.now()
  if (left > 0) Atomics.wait(nobody, 0, 0, left)
  parentPort?.postMessage(0)
}
