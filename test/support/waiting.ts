/** Tests that wait for something to become true of a server, asked again whenever it may have. */

export interface Waiting {
  /** Something has changed. */
  readonly ask: () => void
  /** Resolves once `isTrue()`. */
  readonly until: (isTrue: () => boolean) => Promise<void>
}

export function createWaiting(): Waiting {
  const waiting = new Set<() => void>()
  return {
    ask() {
      for (const check of [...waiting]) check()
    },
    until: (isTrue) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (!isTrue()) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
  }
}
