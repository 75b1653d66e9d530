/** Questions to a person. Whoever cancels one ends the command; nothing was changed then. */

import type { Readable, Writable } from 'node:stream'
import { Failure } from '../base/errors.ts'

export interface Choice<T extends string> {
  readonly value: T
  readonly label: string
  readonly hint?: string
  /** Shown, and not to be chosen. */
  readonly disabled?: boolean
}

export interface Dialogue {
  say(words: string): Promise<void>
  choose<T extends string>(message: string, choices: readonly Choice<T>[]): Promise<T>
  /** Several of many; typing searches. */
  pick(message: string, choices: readonly Choice<string>[]): Promise<readonly string[]>
  type(
    message: string,
    help?: { readonly initial?: string; readonly problemOf?: (text: string) => string | undefined },
  ): Promise<string>
  /** Shows nothing of what is typed. */
  hide(message: string, help?: { readonly mayBeEmpty?: boolean }): Promise<string>
  confirm(message: string): Promise<boolean>
}

/** The process's own streams where none are given. */
export interface Streams {
  readonly input?: Readable
  readonly output?: Writable
}

export function createDialogue(streams: Streams = {}): Dialogue {
  return {
    async say(words) {
      const { log } = await prompts()
      log.message(words, streams)
    },
    async choose(message, choices) {
      const { select } = await prompts()
      // The type of its options depends on the type of their values in a way that generics hide.
      const options = choices.map((choice) => ({ ...choice })) as Parameters<
        typeof select
      >[0]['options']
      const value = await answered(select({ message, options, ...streams }))
      return value as (typeof choices)[number]['value'] // one of those that were offered
    },
    async pick(message, choices) {
      const { autocompleteMultiselect } = await prompts()
      const options = choices.map((choice) => ({ ...choice }))
      return await answered(autocompleteMultiselect({ message, options, maxItems: 10, ...streams }))
    },
    async type(message, { initial, problemOf } = {}) {
      const { text } = await prompts()
      const initialValue = initial === undefined ? {} : { initialValue: initial }
      const validate = (raw: string | undefined) => problemOf?.(raw ?? '')
      return await answered(text({ message, validate, ...initialValue, ...streams }))
    },
    async hide(message, { mayBeEmpty = false } = {}) {
      const { password } = await prompts()
      const validate = (raw: string | undefined) =>
        mayBeEmpty || (raw ?? '') !== '' ? undefined : 'nothing was typed'
      return await answered(password({ message, validate, ...streams }))
    },
    async confirm(message) {
      const { confirm } = await prompts()
      return await answered(confirm({ message, initialValue: false, ...streams }))
    },
  }
}

/** Loaded when somebody is there to answer; most commands ask nothing. */
const prompts = () => import('@clack/prompts')

export const cancelled = (): Failure => new Failure('refused', 'cancelled; nothing was changed')

async function answered<T>(asking: Promise<T>): Promise<Exclude<T, symbol>> {
  const value = await asking
  if (typeof value === 'symbol') throw cancelled()
  return value as Exclude<T, symbol> // the only symbol there is says cancelled
}
