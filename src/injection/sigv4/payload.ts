/** `x-amz-content-sha256`: how the body is bound to the head's signature. */

import { err, ok, type Result } from '../../base/result.ts'

export type Payload =
  /** Hex SHA-256 of the body. */
  | { readonly kind: 'digest'; readonly text: string }
  /** Nothing binds it. */
  | { readonly kind: 'unsigned'; readonly text: string }
  /** aws-chunked, each chunk with a signature that follows the one before. */
  | { readonly kind: 'signed_chunks'; readonly text: string; readonly hasTrailer: boolean }
  /** aws-chunked with a checksum behind it; no chunk is signed. */
  | { readonly kind: 'unsigned_chunks'; readonly text: string }

const CHUNKED: ReadonlyMap<string, Payload> = new Map<string, Payload>(
  (
    [
      { kind: 'unsigned', text: 'UNSIGNED-PAYLOAD' },
      { kind: 'unsigned_chunks', text: 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' },
      { kind: 'signed_chunks', text: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', hasTrailer: false },
      {
        kind: 'signed_chunks',
        text: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
        hasTrailer: true,
      },
    ] satisfies Payload[]
  ).map((payload) => [payload.text, payload]),
)

/** Reads the field's value; event streams and SigV4A are not signed again by this build. */
export function parsePayload(value: string): Result<Payload, string> {
  const known = CHUNKED.get(value)
  if (known) return ok(known)
  if (/^[0-9a-f]{64}$/.test(value)) return ok({ kind: 'digest', text: value })
  return err('its x-amz-content-sha256 is of a kind that cannot be signed again')
}
