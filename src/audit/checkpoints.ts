/** What witnesses of the audit are given: each writer's newest signed checkpoint, and the key. */

export interface Checkpoints {
  /** What the notes are signed with, in C2SP form. */
  readonly publicKey: string
  /** The newest of the process that answers; undefined before its first. It costs next to nothing. */
  newest(): string | undefined
  /** The newest of every writer that has one, by name. */
  all(): Promise<readonly WriterCheckpoint[]>
  /**
   * The path (RFC 6962, 2.1.2) from an older size of a log to a newer one. Undefined for what nobody
   * signed for, and where hashes are missing. It is made from the hashes as they are: whether it leads
   * from one root to the other is for the witness to see.
   */
  growth(of: Growth): Promise<readonly Buffer[] | undefined>
}

export interface Growth {
  readonly writer: string
  /** Records then, at least one. */
  readonly from: number
  readonly to: number
}

export interface WriterCheckpoint {
  readonly writer: string
  /** C2SP tlog-checkpoint. */
  readonly note: string
}
