/**
 * The steps of `init`, in the order in which they are safe to be killed between: keys before what
 * names them, the configuration before what needs it, secrets before the service that reads them.
 * Each leaves alone what is there, so that running all of them again completes what was begun.
 */

import { existsSync } from 'node:fs'
import type { Client } from '../../sdk/src/client.ts'
import { Failure } from '../base/errors.ts'
import type { SettingsEdit } from '../config/edit.ts'
import { sealerPublicKey } from '../secret/keys.ts'
import { createStateDirectory } from '../state-dir.ts'
import { putInInbox, inboxNames } from '../state-dir/inbox.ts'
import {
  createKeys,
  readLocalOperator,
  readSealerKey,
  readServerKeys,
} from '../state-dir/key-files.ts'
import type { Run } from '../state-dir/run-file.ts'
import { startBackground } from './background.ts'
import { editConfig, writeEdited } from './config-file.ts'
import type { InitPlan, PlannedSecret } from './init-plan.ts'
import { reloadRunning } from './reload-running.ts'
import { findRunning, operatorClientOf } from './running.ts'
import { sealFields } from './sealing.ts'
import { sealWith } from './secret-set.ts'
import { loadLocal, type Local, type Session } from './session.ts'

/** What a step changed, in words; empty when all was as it should be. */
export type Changes = readonly string[]

export interface InitStep {
  readonly name: string
  readonly run: (session: Session, plan: InitPlan) => Promise<Changes>
}

export const INIT_STEPS: readonly InitStep[] = [
  { name: 'state directory', run: makeDirectory },
  { name: 'keys', run: makeKeys },
  { name: 'configuration', run: writeConfig },
  { name: 'secrets', run: storeSecrets },
]

async function makeDirectory(_session: Session, plan: InitPlan): Promise<Changes> {
  const isNew = !existsSync(plan.state.keys)
  createStateDirectory(plan.state, plan.environment)
  return isNew ? [`made the state directory ${plan.state.path}`] : []
}

async function makeKeys(_session: Session, plan: InitPlan): Promise<Changes> {
  const written = await createKeys(plan.state, plan)
  return written.length === 0 ? [] : [`made the keys ${written.join(', ')}`]
}

async function writeConfig(session: Session, plan: InitPlan): Promise<Changes> {
  const edits = [...plan.edits, ...(await vaultEdits(plan))]
  const edited = editConfig(session, plan.configPath, edits)
  if (!edited.isChanged) return []
  const verb = existsSync(plan.configPath) ? 'changed' : 'wrote'
  writeEdited(plan.configPath, edited)
  const isTold = await reloadRunning(session, plan.state)
  return [`${verb} ${plan.configPath}${isTold ? '; the running service was told' : ''}`]
}

/** The public halves: whom to seal to, and whose seals count. */
async function vaultEdits({ state, environment }: InitPlan): Promise<SettingsEdit[]> {
  const { vault } = await readServerKeys(state)
  const operator = readLocalOperator(state)
  if (!operator) throw new Failure('key_missing', `${state.keys} holds no operator key`)
  const root = ['environments', environment, 'vault']
  return [
    { path: [...root, 'recipient'], set: vault.recipient },
    {
      path: [...root, 'sealers', operator.name],
      set: sealerPublicKey(readSealerKey(state)),
    },
  ]
}

async function storeSecrets(session: Session, plan: InitPlan): Promise<Changes> {
  if (plan.secrets.length === 0) return []
  const local = loadLocal(session)
  // A database that has run may hold them already, and only its service can tell.
  if (plan.isStarting && existsSync(plan.state.database)) await startBackground(session, local)
  const isNeeded = await missingSecrets(session, local)
  const changes: string[] = []
  for (const secret of plan.secrets) {
    const { name } = secret.purpose
    if (isNeeded(name)) changes.push(await storeSecret(session, local, secret))
    else
      session.terminal.note(
        `${name} is stored already and was kept: \`apistronghold secret set ${name}\` replaces it`,
      )
  }
  return changes
}

/** `init` fills what is empty; replacing is `secret set`'s work. */
async function missingSecrets(session: Session, local: Local): Promise<(name: string) => boolean> {
  const found = await findRunning(local.state)
  const waiting = new Set(inboxNames(local.state))
  if (found.state !== 'running') return (name) => !waiting.has(name)
  const client = clientFor(session, local, found.run)
  const stored = new Set((await client.secrets.list()).items.map(({ name }) => name))
  return (name) => !stored.has(name)
}

/** Into the running service, else into the inbox, which the first start takes in. */
async function storeSecret(
  session: Session,
  local: Local,
  { purpose, parsed }: PlannedSecret,
): Promise<string> {
  const { name } = purpose
  const found = await findRunning(local.state)
  if (found.state !== 'running') {
    const envelope = await sealFields(purpose, parsed, sealWith(local, 1))
    putInInbox(local.state, { name, envelope })
    return `sealed ${name}; the service takes it in when it starts`
  }
  const { secrets } = clientFor(session, local, found.run)
  // One that was deleted comes back above every version it had.
  const version = (await secrets.versions(name)).highestVersion + 1
  const envelope = await sealFields(purpose, parsed, sealWith(local, version))
  await secrets.put(name, envelope, { ifMatch: 0, version })
  return `sealed ${name} and stored it`
}

function clientFor(session: Session, local: Local, run: Run): Client {
  return operatorClientOf(session, local, { run, key: readLocalOperator(local.state)?.key })
}
