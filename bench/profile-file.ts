/** Where a profiled process leaves its profile. */

import { join } from 'node:path'

export const profileFile = (pid: number): string => join('/tmp', `apistronghold-${pid}.cpuprofile`)
