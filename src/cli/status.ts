/** `status`: what runs, where, whether it is ready, and which services have a credential. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { AuditStatus, Ready, ServiceView } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { formatRetention } from '../config/audit.ts'
import { formatDuration } from '../config/units.ts'
import { openStateDirectory } from '../state-dir.ts'
import { readLocalOperator } from '../state-dir/key-files.ts'
import type { Run } from '../state-dir/run-file.ts'
import { isQuotaHigh, quotaWords } from './audit-quota.ts'
import { missingWords } from './audit-pages.ts'
import type { Runner } from './command.ts'
import { formatMoment } from './moments.ts'
import { findRunning, operatorClientOf } from './running.ts'
import { answer, loadLocal, type Local, type Session } from './session.ts'
import type { Terminal } from './terminal.ts'

const MAX_COUNTED_ALERTS = 1000

interface Status {
  readonly environment: string
  readonly running: boolean
  readonly config: string
  readonly stateDirectory: string
  /** Why a process that is there does not count as running. */
  readonly problem?: string
  readonly pid?: number
  readonly uptimeSeconds?: number
  readonly data?: string
  readonly control?: string
  readonly servicePorts?: Readonly<Record<string, string>>
  readonly ready?: boolean
  readonly checks?: Readonly<Record<string, boolean>>
  readonly audit?: {
    /** How long records are kept: `400d`, `forever`. */
    readonly retention: string
    /** On disk. */
    readonly bytes: number
    /** What it may use; at four fifths it is time to make room. */
    readonly quotaBytes?: number
    readonly quotaHigh?: boolean
    /** Time of the oldest record there is. */
    readonly oldestAt?: number
    /** Records that are not there any more, though retention did not remove them. */
    readonly missing?: string
  }
  /** Open ones; at most 1000 are counted. */
  readonly alerts?: number
  readonly services?: {
    readonly withCredential: readonly string[]
    readonly withoutCredential: readonly string[]
  }
}

export function registerStatus(program: Command, runs: Runner): void {
  const command = program.command('status').description('show what runs, and whether it is ready')
  runs(command, z.object({}), ({ session }) => status(session))
}

async function status(session: Session): Promise<void> {
  const local = loadLocal(session)
  openStateDirectory(local.state, local.config.environment)
  const found = await lookAt(session, local)
  answer(session, found, describeStatus(session.terminal, found))
  if (!found.running) throw new Failure('server_unreachable', `${found.environment} is not running`)
}

async function lookAt(session: Session, local: Local): Promise<Status> {
  const { config, state } = local
  const place = {
    environment: config.environment,
    config: config.path,
    stateDirectory: state.path,
  }
  const found = await findRunning(state)
  if (found.state === 'stopped') return { ...place, running: false }
  const { run } = found
  if (found.state === 'doubtful')
    return { ...place, running: false, pid: run.pid, problem: found.why }
  return { ...place, running: true, ...factsOf(run), ...(await askPlanes(session, local, run)) }
}

function factsOf({ pid, data, control, services, startedAt }: Run) {
  const uptimeSeconds = Math.max(0, Math.round((Date.now() - startedAt) / 1000))
  return { pid, uptimeSeconds, data, control, servicePorts: services }
}

async function askPlanes(
  session: Session,
  local: Local,
  run: Run,
): Promise<Ready & Pick<Status, 'services' | 'alerts' | 'audit'>> {
  const key = readLocalOperator(local.state)?.key
  const client = operatorClientOf(session, local, { run, key })
  const ready = await client.ready()
  if (key === undefined) return ready
  const { items } = await client.services.list()
  const open = await client.alerts
    .list({ status: 'open', limit: MAX_COUNTED_ALERTS })
    .catch(() => undefined) // an issuer may not read them
  const audit = await client.audit.status().catch(() => undefined)
  const [withCredential, withoutCredential] = [true, false].map((wanted) =>
    items.filter((service) => hasCredential(service) === wanted).map(({ id }) => id),
  )
  return {
    ...ready,
    ...(open && { alerts: open.items.length }),
    ...(audit && { audit: auditFacts(local, audit) }),
    services: {
      withCredential: withCredential ?? [],
      withoutCredential: withoutCredential ?? [],
    },
  }
}

function auditFacts({ config }: Local, { journal, index }: AuditStatus) {
  const { oldestAt } = index
  const retention = formatRetention(config.audit)
  const missing = missingWords(index)
  const { bytes, quotaBytes } = journal
  return {
    ...{ retention, bytes },
    ...(quotaBytes !== undefined && { quotaBytes, quotaHigh: isQuotaHigh(journal) }),
    ...(oldestAt !== undefined && { oldestAt }),
    ...(missing !== undefined && { missing }),
  }
}

function hasCredential({ credentials }: ServiceView): boolean {
  const [own] = credentials
  return own === undefined || own.configured
}

/** Undefined where one process does it all. */
function workersOf(checks: Status['checks'] = {}): string | undefined {
  const workers = Object.entries(checks).filter(([name]) => /^worker-\d+$/.test(name))
  if (workers.length === 0) return undefined
  return `${workers.filter(([, works]) => works).length} of ${workers.length} serve`
}

/** Undefined where there are none. */
function alertsOf({ alerts = 0 }: Status): string | undefined {
  if (alerts === 0) return undefined
  const count = alerts === MAX_COUNTED_ALERTS ? `${alerts} or more` : String(alerts)
  return `${count} open: apistronghold alert list`
}

function auditOf({ colors }: Terminal, { audit }: Status): string | undefined {
  if (!audit) return undefined
  const { retention, oldestAt, missing } = audit
  const from = oldestAt === undefined ? '' : ` from ${formatMoment(oldestAt)} on`
  const kept = `kept ${retention === 'forever' ? '' : 'for '}${retention}`
  const gone = missing === undefined ? '' : `; ${missing}`
  const words = `${quotaWords(audit)}${from}, ${kept}${gone}`
  return audit.quotaHigh === true || missing !== undefined ? colors.yellow(words) : words
}

function describeStatus(terminal: Terminal, found: Status): string {
  const { colors } = terminal
  const line = (name: string, text: string | undefined) =>
    text === undefined || text === '' ? [] : `${colors.dim(name.padEnd(14))}${text}`
  const state = found.running ? colors.green('running') : colors.yellow('not running')
  const failing = Object.entries(found.checks ?? {}).flatMap(([name, works]) => (works ? [] : name))
  const ready = failing.length === 0 ? 'yes' : colors.red(`no: ${failing.join(', ')}`)
  return [
    `${found.environment} is ${state}`,
    line('problem', found.problem),
    line('pid', found.pid === undefined ? undefined : String(found.pid)),
    line('up', found.uptimeSeconds === undefined ? undefined : formatDuration(found.uptimeSeconds)),
    line('data plane', found.data),
    line('control plane', found.control),
    ...Object.entries(found.servicePorts ?? {}).map(([id, url]) => line(`  ${id}`, url)),
    line('workers', workersOf(found.checks)),
    line('ready', found.ready === undefined ? undefined : ready),
    line('alerts', alertsOf(found)),
    line('audit', auditOf(terminal, found)),
    line('credentials', found.services?.withCredential.join(', ')),
    line('configuration', found.config),
    line('state', found.stateDirectory),
  ]
    .flat()
    .join('\n')
}
