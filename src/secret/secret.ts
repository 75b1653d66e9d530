/**
 * A secret value that cannot be printed by accident.
 *
 * Logging, JSON and string templates all show "[secret]". Only `reveal` gives the value, and an
 * architecture test lists the few places allowed to call it.
 */

import { inspect } from 'node:util'

export class Secret {
  readonly #value: string

  constructor(value: string) {
    this.#value = value
  }

  reveal(): string {
    return this.#value
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
