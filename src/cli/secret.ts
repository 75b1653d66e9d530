/** `secret`: what the vault holds, by name and version; values come out nowhere. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { SecretView } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import { sourceOf, secretNamesOf } from '../config/service-settings.ts'
import { formatReference } from '../secret/reference.ts'
import type { Call, Runner } from './command.ts'
import { changeConfig, describeChange, openCatalog } from './config-file.ts'
import { connect, describe } from './connection.ts'
import { cancelled } from './dialogue.ts'
import { formatMoment } from './moments.ts'
import { referencePath } from './reference.ts'
import { purposeOf } from './sealing.ts'
import { registerSecretRotate } from './secret-rotate.ts'
import { registerSecretSet } from './secret-set.ts'
import { registerSecretStatus } from './secret-status.ts'
import { answer, loadLocal, type Local, type Session } from './session.ts'
import { formatTable } from './table.ts'

const none = z.object({})

export function registerSecret(program: Command, runs: Runner): void {
  const secret = program
    .command('secret')
    .description('real credentials: set, list, status, rotate, delete')
  registerSecretSet(secret, runs)
  registerSecretRotate(secret, runs)
  registerSecretStatus(secret, runs)
  const list = secret.command('list').description('list secrets by name; never their values')
  runs(list, none, listSecrets)
  const remove = secret
    .command('delete')
    .argument('<name>')
    .description('delete a secret, or its reference in the configuration')
  runs(remove, none, deleteSecret)
}

interface Listed {
  readonly name: string
  /** `vault`, `env:NAME` or `file:PATH`. */
  readonly source: string
  readonly version?: number
  readonly sealedBy?: string
  readonly storedAt?: number
}

async function listSecrets({ session }: Call<object>): Promise<void> {
  const connection = await connect(session)
  const { items: sealed } = await connection.client.secrets.list()
  const referred = connection.local ? await referredSecrets(connection.local) : []
  const items = [...sealed.map(sealedItem), ...referred].sort((left, right) =>
    left.name < right.name ? -1 : 1,
  )
  const rows = items.map(({ name, source, version, sealedBy, storedAt }) => [
    name,
    source,
    version === undefined ? '' : String(version),
    sealedBy,
    storedAt === undefined ? '' : formatMoment(storedAt),
  ])
  const header = ['secret', 'source', 'version', 'sealed by', 'stored']
  const words =
    items.length === 0
      ? 'no secrets: `apistronghold secret set NAME` stores one'
      : formatTable(session.terminal, header, rows)
  answer(session, { items }, words)
}

function sealedItem({ name, version, sealedBy, storedAt }: SecretView): Listed {
  return { name, source: 'vault', version, sealedBy, storedAt }
}

/** Those that the configuration reads from elsewhere. */
async function referredSecrets({ config }: Local): Promise<Listed[]> {
  const { services } = await openCatalog(config)
  const names = new Set([...services.values()].flatMap(secretNamesOf))
  return [...names].flatMap((name) => {
    const source = sourceOf(config, name)
    return source.source === 'vault' ? [] : { name, source: formatReference(source) }
  })
}

async function deleteSecret({ session, args: [name = ''] }: Call<object>): Promise<void> {
  const local = loadLocal(session)
  const isReference = sourceOf(local.config, name).source !== 'vault'
  await confirmed(session, `Delete ${name} of ${local.config.environment}?`)
  if (isReference) await deleteReference(session, local, name)
  else await deleteSealed(session, name)
}

async function confirmed({ terminal, shared }: Session, question: string): Promise<void> {
  if (shared.yes || !terminal.isInteractive) return
  if (!(await terminal.dialogue.confirm(question))) throw cancelled()
}

async function deleteReference(session: Session, local: Local, name: string): Promise<void> {
  const { config } = local
  const path = referencePath(config.environment, purposeOf(await openCatalog(config), name))
  const { isTold } = await changeConfig(session, local, [{ path, remove: true }])
  answer(
    session,
    { deleted: name },
    `the reference of ${name} was taken out ${describeChange(config, isTold)}`,
  )
}

async function deleteSealed(session: Session, name: string): Promise<void> {
  const connection = await connect(session)
  const { items } = await connection.client.secrets.list()
  const stored = items.find((secret) => secret.name === name)
  if (!stored) throw new Failure('not_found', `there is no secret ${name}`)
  await connection.client.secrets.remove(name, { ifMatch: stored.version })
  answer(session, { deleted: name }, `${name} deleted (${describe(connection)})`)
}
