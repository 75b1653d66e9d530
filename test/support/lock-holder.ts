/** A process that takes the lock of the directory in its argument, says so, and waits. */

import { Failure } from '../../src/base/errors.ts'
import { lockState } from '../../src/storage/sqlite/lock.ts'

try {
  const [directory = ''] = process.argv.slice(2)
  lockState(directory, {
    pid: process.pid,
    command: 'serve',
    data: '127.0.0.1:8900',
    control: '127.0.0.1:8901',
  })
  process.stdout.write('locked\n')
  process.stdin.resume()
} catch (error) {
  process.stdout.write(`${error instanceof Failure ? error.code : 'crashed'}\n`)
  process.exitCode = 1
}
