/** The guarded way out for tests of what asks servers on this machine. */

import type { Ask } from '../../src/base/ask.ts'
import { createAsk } from '../../src/network/ask.ts'
import { createDial } from '../../src/network/dial.ts'

export const askLoopback = (timeoutMs = 5000): Ask => createAsk({ dial: createDial(), timeoutMs })
