/** The targets that the configuration names, each with its way out. */

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { systemNow } from '../base/clock.ts'
import type { Dial, SendDatagram } from '../base/dial.ts'
import { Failure, systemErrorCode } from '../base/errors.ts'
import type { TargetSettings } from '../config/alerts.ts'
import type { Config } from '../config.ts'
import type { AlertTarget } from '../insight/alert-target.ts'
import { createPost, type Post } from '../jobs/post.ts'
import { createPrinted, type PrintLine } from '../jobs/printed.ts'
import { createSlack } from '../jobs/slack.ts'
import { createSyslog } from '../jobs/syslog.ts'
import { createWebhook } from '../jobs/webhook.ts'
import { createSendDatagram } from '../network/datagram.ts'
import { createDial } from '../network/dial.ts'
import type { SourceReference } from '../secret/reference.ts'
import type { Credentials } from './credentials.ts'
import { wayOut } from './way-out.ts'

const TIMEOUT_MS = 10_000

export interface TargetParts {
  readonly config: Config
  readonly credentials: Pick<Credentials, 'readMounted'>
  readonly print: PrintLine
}

interface Ways {
  readonly post: Post
  /** Never through the proxy on the way out, which is for HTTP. */
  readonly dial: Dial
  readonly sendDatagram: SendDatagram
  readonly readSecret: (reference: SourceReference) => () => ReturnType<Credentials['readMounted']>
  readonly print: PrintLine
}

/** Throws `config_invalid` when certificates cannot be read. */
export function alertTargetsOf({ config, credentials, print }: TargetParts): AlertTarget[] {
  const proxied = createDial({ proxy: wayOut(config.upstreamProxy, credentials) })
  const ways: Ways = {
    post: createPost({ dial: proxied, now: systemNow, timeoutMs: TIMEOUT_MS }),
    dial: createDial(),
    sendDatagram: createSendDatagram(),
    readSecret: (reference) => () => credentials.readMounted(reference),
    print,
  }
  return config.alerts.targets.map((target) => createTarget(target, ways))
}

function createTarget(settings: TargetSettings, ways: Ways): AlertTarget {
  const { name, wants, type } = settings
  if (type === 'stdout')
    return createPrinted({ name, wants, print: ways.print, timeoutMs: TIMEOUT_MS })
  const { allowPrivateAddress } = settings
  const common = { name, wants, allowPrivateAddress, ca: readAuthority(settings) }
  switch (type) {
    case 'webhook': {
      const readSecret = ways.readSecret(settings.secret)
      return createWebhook({ ...common, url: settings.url, readSecret, post: ways.post })
    }
    case 'slack':
      return createSlack({
        ...common,
        readSecret: ways.readSecret(settings.secret),
        post: ways.post,
      })
    case 'syslog':
      return createSyslog({
        ...common,
        ...{ place: settings.address, dial: ways.dial, sendDatagram: ways.sendDatagram },
        origin: { hostname: hostname(), pid: process.pid },
        timeoutMs: TIMEOUT_MS,
      })
  }
}

function readAuthority({
  name,
  caFile,
}: Exclude<TargetSettings, { type: 'stdout' }>): string | undefined {
  if (caFile === undefined) return undefined
  try {
    return readFileSync(caFile, 'utf8')
  } catch (error) {
    const why = systemErrorCode(error) ?? 'it cannot be read'
    throw new Failure('config_invalid', `alerts.targets: ca_file of ${name}: ${caFile}: ${why}`)
  }
}
