/**
 * Questions and answers between two processes of one build, over any pipe that carries structured
 * clones in order. Waiting questions are bounded in number and time, and a question that gets no
 * answer fails as a store does that is down.
 */

import { Failure, type FailureCode } from '../base/errors.ts'

/** What one side answers: functions of structured clones. */
export type Calls<T> = { readonly [K in keyof T]: (...given: never[]) => Promise<unknown> }

export interface ChannelParts<Mine> {
  readonly send: (message: unknown) => void
  readonly calls: Mine
  /** Throws unless the call's arguments are what it takes; absent: the other side is believed. */
  readonly check?: (name: string, given: readonly unknown[]) => void
  readonly timeoutMs: number
}

export interface Channel<Theirs extends Calls<Theirs>> {
  ask<K extends keyof Theirs & string>(
    name: K,
    ...given: Parameters<Theirs[K]>
  ): ReturnType<Theirs[K]>
  /** The same channel with another time to wait. */
  within(timeoutMs: number): Pick<Channel<Theirs>, 'ask'>
  /** Takes a message from the pipe; one that is none of ours is left alone. */
  receive(message: unknown): void
  /** The pipe is closed: whoever waits hears so. */
  end(): void
}

type Message =
  | { readonly ask: number; readonly name: string; readonly given: readonly unknown[] }
  | { readonly answer: number; readonly value: unknown }
  | { readonly failed: number; readonly code: FailureCode; readonly problem: string }

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Failure) => void
  readonly timer: NodeJS.Timeout
}

const MAX_WAITING = 10_000

export function createChannel<Theirs extends Calls<Theirs>, Mine extends Calls<Mine>>(
  parts: ChannelParts<Mine>,
): Channel<Theirs> {
  const questions = new Questions(parts.send)

  async function answer(id: number, name: string, given: readonly unknown[]): Promise<void> {
    try {
      parts.send({ answer: id, value: await callOf(parts, name, given) })
    } catch (error) {
      parts.send({ failed: id, ...described(error) })
    }
  }

  const asking = (timeoutMs: number): Pick<Channel<Theirs>, 'ask'> => ({
    // Both sides are of one build, so that the answer is what the type of the call says.
    ask: (name, ...given) =>
      questions.ask(timeoutMs, name, given) as ReturnType<Theirs[typeof name]>,
  })

  return {
    ...asking(parts.timeoutMs),
    within: asking,
    receive(message) {
      if (!isMessage(message)) return
      if ('ask' in message) void answer(message.ask, message.name, message.given)
      else if ('answer' in message) questions.settle(message.answer)?.resolve(message.value)
      else questions.settle(message.failed)?.reject(new Failure(message.code, message.problem))
    },
    end() {
      questions.end()
    },
  }
}

/** What was asked and is not answered yet. */
class Questions {
  readonly #send: (message: Message) => void
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0
  #isOpen = true

  constructor(send: (message: Message) => void) {
    this.#send = send
  }

  ask(timeoutMs: number, name: string, given: readonly unknown[]): Promise<unknown> {
    if (!this.#isOpen || this.#waiting.size >= MAX_WAITING) return Promise.reject(unanswered(name))
    const id = ++this.#asked
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.settle(id)?.reject(unanswered(name))
      }, timeoutMs)
      this.#waiting.set(id, { resolve, reject, timer })
      this.#send({ ask: id, name, given })
    })
  }

  /** The one who waits for this answer, for the only time. */
  settle(id: number): Waiting | undefined {
    const found = this.#waiting.get(id)
    this.#waiting.delete(id)
    clearTimeout(found?.timer)
    return found
  }

  end(): void {
    this.#isOpen = false
    for (const id of [...this.#waiting.keys()]) this.settle(id)?.reject(unanswered('in time'))
  }
}

async function callOf<Mine>(
  { calls, check }: ChannelParts<Mine>,
  name: string,
  given: readonly unknown[],
): Promise<unknown> {
  const call = Object.hasOwn(Object(calls) as object, name)
    ? (calls as Record<string, (...given: readonly unknown[]) => Promise<unknown>>)[name]
    : undefined
  if (!call) throw new Failure('refused', 'there is no such call')
  check?.(name, given)
  return call(...given)
}

/** Failures keep their words, which are fit for everybody; other errors may quote anything. */
function described(error: unknown): { code: FailureCode; problem: string } {
  if (error instanceof Failure) return { code: error.code, problem: error.message }
  return { code: 'refused', problem: 'the other process could not answer' }
}

function unanswered(name: string): Failure {
  return new Failure('database_unavailable', `the other process did not answer ${name}`)
}

function isMessage(message: unknown): message is Message {
  if (typeof message !== 'object' || message === null) return false
  return 'ask' in message || 'answer' in message || 'failed' in message
}
