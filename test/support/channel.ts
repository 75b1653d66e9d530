/** Chunks that a test pushes one at a time, so that it decides when an answer goes on. */

export interface Channel extends AsyncIterable<string> {
  push(chunk: string): void
  end(): void
}

export function createChannel(): Channel {
  const queue: string[] = []
  let isEnded = false
  let wake: () => void = () => undefined

  return {
    push(chunk) {
      queue.push(chunk)
      wake()
    },
    end() {
      isEnded = true
      wake()
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const chunk = queue.shift()
        if (chunk !== undefined) yield chunk
        else if (isEnded) return
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}
