/** All gates of one server behind one face: its own alone, or with those of its workers. */

import type { Gate, Gates } from '../policy/gate.ts'
import type { Revocation } from '../policy/revocation-log.ts'

/** The gate of a process that serves alone. */
export function soleGate(gate: Gate): Gates {
  return {
    state: (grant) => gate.state(grant),
    apply: async (revocation) => gate.apply(revocation),
    get sequence() {
      return gate.sequence
    },
    countLive: async () => gate.liveCount,
  }
}

/** A worker's gate from outside; a worker that does not answer is gone when it says so. */
export interface RemoteGate {
  /** Zero when the worker had to be ended instead. Never throws. */
  apply(revocation: Revocation): Promise<number>
  countLive(): Promise<number>
}

/** `own` keeps the number; `others` are asked anew each time, since workers come and go. */
export function gatesOf(own: Gate, others: () => readonly RemoteGate[]): Gates {
  const overAll = async (count: (gate: RemoteGate) => Promise<number>): Promise<number> => {
    const counts = await Promise.all(others().map(count))
    return counts.reduce((sum, each) => sum + each, 0)
  }
  return {
    state: (grant) => own.state(grant),
    async apply(revocation) {
      const cut = own.apply(revocation)
      return cut + (await overAll((gate) => gate.apply(revocation)))
    },
    get sequence() {
      return own.sequence
    },
    countLive: async () => own.liveCount + (await overAll((gate) => gate.countLive())),
  }
}
