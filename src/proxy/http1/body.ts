/** A message body under way, pushed from the side that reads it to the side that writes it. */

export interface BodySink {
  /** False pauses the source until its `resume`. The chunk is the sink's; nobody reuses it. */
  onChunk(chunk: Buffer): boolean
  onEnd(): void
  /** The rest will not come; nothing is called after it. */
  onFailure(): void
}

export interface BodySource {
  /** As declared; undefined when the body is chunked. */
  readonly length: number | undefined
  /** Gives everything to the sink, which may be called before this returns. Only once. */
  stream(sink: BodySink): void
  /** Goes on after a chunk that was answered with false. */
  resume(): void
}
