/** What witnesses of the audit are given: each writer's newest signed checkpoint, and the key. */

export interface Checkpoints {
  /** What the notes are signed with, in C2SP form. */
  readonly publicKey: string
  /** The newest of the process that answers; undefined before its first. It costs next to nothing. */
  newest(): string | undefined
  /** The newest of every writer that has one, by name. */
  all(): Promise<readonly WriterCheckpoint[]>
}

export interface WriterCheckpoint {
  readonly writer: string
  /** C2SP tlog-checkpoint. */
  readonly note: string
}
