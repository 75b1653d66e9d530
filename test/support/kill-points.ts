/**
 * The moments of a request at which a proxy is killed, in the order in which they come, and the
 * trigger that all threads of that proxy share.
 */

export const KILL_POINTS = [
  'head parsed',
  'token looked up',
  'token found',
  'gate asked',
  'parameters described',
  'credential asked',
  'credential given',
  'intent given',
  'intent queued',
  'segment left',
  'segment opened',
  'directory synced',
  'batch begun',
  'batch half on disk',
  'batch on disk',
  'segment checked',
  'batch counted',
  'batch acknowledged',
  'hashes written',
  'frontier replaced',
  'checkpoint half replaced',
  'checkpoint replaced',
  'intent durable',
  'request admitted',
  'upstream dialled',
  'upstream connected',
  'head leaving',
  'head left',
  'body leaving',
  'answer arriving',
  'answer leaving',
  'answer left',
  'answer going on',
  'outcome given',
  'outcome queued',
] as const

export type KillPoint = (typeof KILL_POINTS)[number]

export interface Trigger {
  readonly memory: SharedArrayBuffer
  /** From now on points count. */
  readonly arm: () => void
  /** Ends the process, if this is its point and its time. */
  readonly reach: (point: KillPoint) => void
}

const Word = { point: 0, left: 1, isArmed: 2 } as const

export function createTrigger(point: KillPoint, nth: number): Trigger {
  const memory = new SharedArrayBuffer(4 * Object.keys(Word).length)
  new Int32Array(memory).set([KILL_POINTS.indexOf(point), nth, 0])
  return shareTrigger(memory)
}

export function shareTrigger(memory: SharedArrayBuffer): Trigger {
  const words = new Int32Array(memory)
  const isMine = (point: KillPoint): boolean =>
    KILL_POINTS.indexOf(point) === words[Word.point] && Atomics.load(words, Word.isArmed) === 1
  return {
    memory,
    arm() {
      Atomics.store(words, Word.isArmed, 1)
    },
    reach(point) {
      if (!isMine(point) || Atomics.sub(words, Word.left, 1) !== 1) return
      process.kill(process.pid, 'SIGKILL')
      // The signal is on its way, and this thread must not go on meanwhile.
      Atomics.wait(words, Word.point, words[Word.point] ?? 0)
    },
  }
}
