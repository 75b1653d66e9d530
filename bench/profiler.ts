/** Loaded into a subject: SIGUSR2 starts a CPU profile, the next one writes it. */

import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { profileFile } from './profile-file.ts'

const session = new Session()
let isRunning = false

process.on('SIGUSR2', () => {
  if (isRunning) {
    session.post('Profiler.stop', (_error, { profile }) => {
      writeFileSync(profileFile(process.pid), JSON.stringify(profile))
    })
  } else {
    session.connect()
    session.post('Profiler.enable')
    session.post('Profiler.setSamplingInterval', { interval: 200 })
    session.post('Profiler.start')
  }
  isRunning = !isRunning
})
