/**
 * `secret set`: the value is sealed on this machine, and only ciphertext leaves it; or a reference
 * is written into the configuration instead.
 */

import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import type { SecretView } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import type { Config } from '../config.ts'
import { sourceOf } from '../config/service-settings.ts'
import { formatReference, type SourceReference } from '../secret/reference.ts'
import { openStateDirectory } from '../state-dir.ts'
import { readLocalOperator, readSealerKey } from '../state-dir/key-files.ts'
import { collect, type Call, type Runner } from './command.ts'
import { changeConfig, describeChange, openCatalog, tryEdits } from './config-file.ts'
import { connect, describe, type Connection } from './connection.ts'
import { inputFields } from './secret-fields.ts'
import { readReference, referenceEdits, valuePlace } from './reference.ts'
import { purposeOf, sealFields, type SecretPurpose, type SealWith } from './sealing.ts'
import { answer, loadLocal, type Local, type Session } from './session.ts'

const options = z.object({
  source: z.string().optional(),
  field: z.array(z.string()).optional(),
})
type SetCall = Call<z.output<typeof options>>

export function registerSecretSet(parent: Command, runs: Runner): void {
  const set = parent
    .command('set')
    .argument('<name>', 'the service, or service-split, as openai-admin')
    .description('store a secret, read from standard input or a prompt')
    .option(
      '--source <reference>',
      'read it from env:, file:, hashicorp: or aws-sm: instead; vault stores it',
    )
    .option('--field <name=source>', 'one field: name=- (standard input), env:X, file:P', collect)
  runs(set, options, setSecret)
}

async function setSecret(call: SetCall): Promise<void> {
  const { session, options: asked } = call
  const { local, purpose } = await subjectOf(call)
  if (asked.source !== undefined) {
    await follow(call, { local, purpose, source: asked.source })
    return
  }
  const fields = asked.field
  const { view, words } = await storeValue(session, { local, purpose, fields, mustExist: false })
  answer(session, view, words)
}

export async function subjectOf({ session, args }: Pick<SetCall, 'session' | 'args'>) {
  const local = loadLocal(session)
  return { local, purpose: purposeOf(await openCatalog(local.config), args[0] ?? '') }
}

interface Storing {
  readonly local: Local
  readonly purpose: SecretPurpose
  /** As `--field` names them; absent: the value comes from standard input or a prompt. */
  readonly fields: readonly string[] | undefined
  readonly mustExist: boolean
}

interface Stored {
  readonly connection: Connection
  readonly view: SecretView & { readonly origins: readonly string[] }
  readonly words: string
}

/** Refuses what the service would never read: a secret that the configuration takes from elsewhere. */
export async function storeValue(session: Session, storing: Storing): Promise<Stored> {
  const { config } = storing.local
  const { name } = storing.purpose
  const source = sourceOf(config, name)
  if (source.source !== 'vault')
    throw new Failure(
      'refused',
      `${name} is read from ${formatReference(source)} (${basename(config.path)}): ${valuePlace(source)}, or \`apistronghold secret set ${name} --source vault\` stores it in the vault instead`,
    )
  return await sealAndStore(session, storing)
}

async function sealAndStore(session: Session, storing: Storing): Promise<Stored> {
  const { local, purpose, fields } = storing
  const connection = await connect(session)
  const { version: stored, highestVersion } = await connection.client.secrets.versions(purpose.name)
  if (storing.mustExist && stored === 0)
    throw new Failure(
      'not_found',
      `there is no secret ${purpose.name} to rotate: \`apistronghold secret set ${purpose.name}\` stores one`,
    )
  const parsed = await inputFields(session.terminal, purpose, fields)
  for (const warning of parsed.warnings) session.terminal.note(`warning: ${warning}`)
  const version = highestVersion + 1
  const envelope = await sealFields(purpose, parsed, sealWith(local, version))
  const put = { ifMatch: stored, version }
  const view = await connection.client.secrets.put(purpose.name, envelope, put)
  const words = `${view.name} version ${view.version} sealed for ${originWords(purpose)} and stored (${describe(connection)})`
  return { connection, view: { ...view, origins: purpose.origins }, words }
}

/** Recipient from the file, sealing key from this machine; neither comes from the control plane. */
export function sealWith({ config, state }: Local, version: number): SealWith {
  openStateDirectory(state, config.environment)
  const operator = readLocalOperator(state)
  if (!operator)
    throw new Failure(
      'key_missing',
      'this machine has no sealing key: `apistronghold init` makes one',
    )
  return {
    environment: config.environment,
    recipient: recipientOf(config),
    sealer: { name: operator.name, privateKey: readSealerKey(state) },
    version,
  }
}

function recipientOf({ vault, path }: Config): string {
  if (vault.recipient !== undefined) return vault.recipient
  throw new Failure(
    'config_invalid',
    `${path} names no vault.recipient to seal to: run \`apistronghold init\` again`,
  )
}

interface Referring {
  readonly local: Local
  readonly purpose: SecretPurpose
  readonly source: string
}

async function follow(call: SetCall, { local, purpose, source }: Referring): Promise<void> {
  const reference = readReference(source === 'vault' ? `vault:${purpose.name}` : source)
  if (reference.source === 'vault') await moveIntoVault(call, { local, purpose, reference })
  else await refer(call.session, { local, purpose, reference })
}

interface Moving {
  readonly local: Local
  readonly purpose: SecretPurpose
  readonly reference: SourceReference
}

/** The service is told to look there once the value is: it never finds the vault empty. */
async function moveIntoVault(call: SetCall, { local, purpose, reference }: Moving): Promise<void> {
  const { config } = local
  const { session } = call
  const edits = referenceEdits(config.environment, purpose, reference)
  const { catalog } = await tryEdits(session, config.path, edits)
  const name = reference.source === 'vault' ? reference.name : purpose.name
  const fields = call.options.field
  const moved = purposeOf(catalog, name)
  const { view, words } = await sealAndStore(session, {
    ...{ local, fields, purpose: moved, mustExist: false },
  })
  answer(session, view, words)
  const { isChanged, isTold } = await changeConfig(session, local, edits)
  if (isChanged)
    session.terminal.note(
      `${purpose.name} is read from ${formatReference(reference)} ${describeChange(config, isTold)}`,
    )
}

async function refer(session: Session, { local, purpose, reference }: Moving): Promise<void> {
  const { config } = local
  const edits = referenceEdits(config.environment, purpose, reference)
  const { isTold } = await changeConfig(session, local, edits)
  const where = formatReference(reference)
  if (reference.source === 'env' && isTold)
    session.terminal.note(
      `a running service sees the variables of its start only: restart it if ${reference.variable} is new`,
    )
  if (reference.source === 'file' && !existsSync(reference.path))
    session.terminal.note(
      `warning: there is no file ${reference.path} here: ${purpose.name} cannot be used until it is there`,
    )
  answer(
    session,
    { name: purpose.name, source: where },
    `${purpose.name} is read from ${where} ${describeChange(config, isTold)}`,
  )
}

export function originWords({ origins }: SecretPurpose): string {
  const [first = 'no origin', ...others] = origins
  return others.length === 0 ? first : `${first} and ${others.length} more`
}
