/** First come, first served, and free to leave: a linked list through its members. */

export interface Waiting<T> {
  /** The queue's own; undefined outside of it. */
  place: Place<T> | undefined
}

export interface Place<T> {
  before: T | undefined
  behind: T | undefined
}

export class WaitQueue<T extends Waiting<T>> {
  #first: T | undefined
  #last: T | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): T | undefined {
    return this.#first
  }

  push(member: T): void {
    member.place = { before: this.#last, behind: undefined }
    if (this.#last?.place) this.#last.place.behind = member
    else this.#first = member
    this.#last = member
    this.#size += 1
  }

  shift(): T | undefined {
    const member = this.#first
    if (member) this.remove(member)
    return member
  }

  /** Does nothing for who is not waiting. */
  remove(member: T): void {
    const { place } = member
    if (!place) return
    const { before, behind } = place
    if (before?.place) before.place.behind = behind
    else this.#first = behind
    if (behind?.place) behind.place.before = before
    else this.#last = before
    member.place = undefined
    this.#size -= 1
  }
}
