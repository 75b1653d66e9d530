/**
 * What a record costs the watch over the audit, on thirty days of ordinary traffic.
 *
 *     node bench/watch.ts
 */

import { createWatch } from '../src/insight/anomaly/create-watch.ts'
import { ordinaryTraffic } from '../test/support/ordinary-traffic.ts'

const ROUNDS = 5

const lines = ordinaryTraffic(7)
for (let round = 0; round < ROUNDS; round += 1) {
  const watch = createWatch()
  const before = process.cpuUsage()
  let found = 0
  for (const line of lines) found += watch.observe(line).length
  const { user, system } = process.cpuUsage(before)
  const micros = ((user + system) / lines.length).toFixed(2)
  console.log(`${micros} us per record, ${lines.length} records, ${found} findings`)
}
