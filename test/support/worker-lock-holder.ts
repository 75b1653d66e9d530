/** A process that lives as a worker of the directory in its argument, says so, and waits. */

import { holdWorkerLock } from '../../src/storage/sqlite/worker-lock.ts'

const [directory = ''] = process.argv.slice(2)
holdWorkerLock(directory)
process.stdout.write('held\n')
process.stdin.resume()
