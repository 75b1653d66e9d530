/**
 * A plane's certificate while it serves: read at start, again on SIGHUP, and when a file changes.
 * What cannot be used changes nothing: the plane goes on with what it has, and the log says why.
 */

import { unwatchFile, watchFile } from 'node:fs'
import type { Now } from '../base/clock.ts'
import { Failure } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { TlsFiles } from '../config/listeners.ts'
import { expiryOf, readTlsPair, type Plane, type TlsPair } from '../config/tls-files.ts'

export interface LiveTlsParts {
  readonly plane: Plane
  readonly files: TlsFiles
  readonly log: Log
  readonly now: Now
  /** How often the files are looked at, and how long they must then stay as they are. */
  readonly lookEveryMs?: number
}

export interface LiveTls {
  readonly current: TlsPair
  /** Whom to tell of each new pair. */
  follow(renew: (pair: TlsPair) => void): void
  /** Reads the files now. */
  reload(): void
  close(): void
}

const LOOK_EVERY_MS = 2000

/** Throws `config_invalid` when the files cannot be used: then there is nothing to go on with. */
export function openTls(parts: LiveTlsParts): LiveTls {
  const { plane, files, log, now } = parts
  const followers: ((pair: TlsPair) => void)[] = []
  let current = readTlsPair(plane, files)
  warnOfExpiry(parts, current)

  function renew(): void {
    const pair = readTlsPair(plane, files)
    if (pair.cert === current.cert && pair.key === current.key) return
    if (expiryOf(pair, now()) === 'expired' && expiryOf(current, now()) !== 'expired')
      throw new Failure('config_invalid', `${plane}.tls.cert_file: ${files.cert} is expired`)
    current = pair
    for (const follow of followers) follow(pair)
    log.info('tls_renewed', { plane, expires: new Date(pair.expiresAt).toISOString() })
    warnOfExpiry(parts, pair)
  }

  function reload(): void {
    try {
      renew()
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      log.error('tls_not_renewed', { plane, problem: error.message })
    }
  }

  const stopWatching = watch(files, parts.lookEveryMs ?? LOOK_EVERY_MS, reload)
  return {
    get current() {
      return current
    },
    follow: (follower) => {
      followers.push(follower)
    },
    reload,
    close: stopWatching,
  }
}

/**
 * Calls back some time after the last change; returns how to stop. Polling follows the links that
 * Kubernetes and certbot turn over, which notifications of the kernel do not.
 */
function watch(files: TlsFiles, lookEveryMs: number, onRest: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  const onChange = (): void => {
    clearTimeout(timer)
    // Two files do not change at once: the first is no news until the second has had its time.
    timer = setTimeout(onRest, lookEveryMs).unref()
  }
  const paths = [...new Set([files.cert, files.key])]
  for (const path of paths) watchFile(path, { interval: lookEveryMs, persistent: false }, onChange)
  return () => {
    clearTimeout(timer)
    for (const path of paths) unwatchFile(path, onChange)
  }
}

function warnOfExpiry({ plane, log, now }: LiveTlsParts, pair: TlsPair): void {
  const expiry = expiryOf(pair, now())
  if (expiry === undefined) return
  log.warn(`tls_${expiry}`, { plane, expires: new Date(pair.expiresAt).toISOString() })
}
