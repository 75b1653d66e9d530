/** `doctor`: looks at what usually goes wrong, and says how to mend it. */

import type { Command } from 'commander'
import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { userInfo } from 'node:os'
import { z } from 'zod'
import { Failure } from '../base/errors.ts'
import type { TlsFiles } from '../config/listeners.ts'
import { expiryOf, readTlsPair, type Plane } from '../config/tls-files.ts'
import { openStateDirectory } from '../state-dir.ts'
import { readServerKeys } from '../state-dir/key-files.ts'
import { isQuotaHigh, measureAudit, quotaWords } from './audit-quota.ts'
import type { Runner } from './command.ts'
import { openCatalog } from './config-file.ts'
import { findRunning } from './running.ts'
import { answer, loadLocal, type Local, type Session } from './session.ts'

interface Finding {
  readonly check: string
  readonly isGood: boolean
  readonly words: string
}

const ENOUGH_BYTES = 1024 ** 3
/** Worth a look at every run, and no reason to fail. */
const REMINDERS = new Set(['audit', 'user'])

export function registerDoctor(program: Command, runs: Runner): void {
  const command = program.command('doctor').description('look for what is wrong, and say the cure')
  runs(command, z.object({}), ({ session }) => doctor(session))
}

async function doctor(session: Session): Promise<void> {
  const local = loadLocal(session)
  const findings = [
    { check: 'configuration', isGood: true, words: local.config.path },
    await lookAt('services', async () => {
      const { services } = await openCatalog(local.config)
      return `${services.size} services`
    }),
    await lookAt('state directory', async () => {
      openStateDirectory(local.state, local.config.environment)
      return local.state.path
    }),
    await lookAt('keys', () => checkKeys(local)),
    ...(await certificates(local)),
    await lookAt('disk', async () => checkDisk(local)),
    await lookAt('audit quota', async () => checkQuota(local)),
    await lookAt('service', () => checkService(local)),
    ...auditOrder(local),
    sameUser(),
  ]
  const { colors } = session.terminal
  const lines = findings.map(({ check, isGood, words }) => {
    const mark = isGood ? colors.green('ok  ') : colors.yellow('look')
    return `${mark} ${check.padEnd(16)} ${words}`
  })
  answer(session, { findings }, lines.join('\n'))
  if (findings.some(({ isGood, check }) => !isGood && !REMINDERS.has(check)))
    throw new Failure('refused', 'not everything is as it should be')
}

/** Runs a check whose failures are findings. */
async function lookAt(check: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { check, isGood: true, words: await look() }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return { check, isGood: false, words: error.message }
  }
}

async function checkKeys({ config, state }: Local): Promise<string> {
  const { vault } = await readServerKeys(state)
  if (config.vault.recipient === vault.recipient) return 'all there'
  throw new Failure(
    'key_invalid',
    'vault.recipient of the configuration is not the public half of keys/vault.key: secrets that are sealed to it cannot be opened here',
  )
}

/** One finding for each plane that has a certificate. */
function certificates({ config }: Local): Promise<Finding[]> {
  const planes = (['data', 'control'] as const).flatMap((plane) => {
    const files = config[plane].tls
    return files ? { plane, files } : []
  })
  return Promise.all(
    planes.map(({ plane, files }) =>
      lookAt(`${plane} plane TLS`, async () => checkCertificate(plane, files)),
    ),
  )
}

function checkCertificate(plane: Plane, files: TlsFiles): string {
  const pair = readTlsPair(plane, files)
  const end = new Date(pair.expiresAt).toISOString()
  switch (expiryOf(pair, Date.now())) {
    case 'expired':
      throw new Failure('refused', `${files.cert} has expired (${end}): replace it`)
    case 'expires_soon':
      throw new Failure('refused', `${files.cert} expires soon (${end}): renew it`)
    case undefined:
      return `valid until ${end}`
  }
}

function checkDisk({ state }: Local): string {
  accessSync(state.path, constants.W_OK)
  const { bavail, bsize } = statfsSync(state.path)
  const free = bavail * bsize
  const words = `${(free / 1024 ** 3).toFixed(1)} GiB free`
  if (free >= ENOUGH_BYTES) return words
  throw new Failure(
    'audit_unavailable',
    `${words}: a full disk stops everything, since no audit means no forwarding`,
  )
}

function checkQuota({ config, state }: Local): string {
  const bytes = existsSync(state.audit) ? measureAudit(state.audit) : 0
  const use = { bytes, quotaBytes: config.audit.quotaBytes }
  if (!isQuotaHigh(use)) return quotaWords(use)
  throw new Failure('audit_unavailable', quotaWords(use))
}

async function checkService({ config, state }: Local): Promise<string> {
  const found = await findRunning(state)
  if (found.state === 'running') return `running (pid ${found.run.pid})`
  if (found.state === 'stopped')
    throw new Failure('refused', `${config.environment} is not running: apistronghold start`)
  throw new Failure('refused', `process ${found.run.pid} cannot be made sure of: ${found.why}`)
}

/** A choice of its operator, and one to be reminded of. */
function auditOrder({ config }: Local): Finding[] {
  if (!config.audit.dangerouslyBeforeResponse) return []
  const words = 'audit.dangerously_before_response: a crash may leave requests without a record'
  return [{ check: 'audit', isGood: false, words }]
}

/** Not a fault of this machine, and yet the first thing to know. */
function sameUser(): Finding {
  const { username } = userInfo()
  return {
    check: 'user',
    isGood: false,
    words: `agents that run as ${username} can read the keys: give the proxy a user of its own`,
  }
}
