/** The dialogue of `init`: the same wishes as its options give, asked one after the other. */

import type { Catalog } from '../catalog/catalog.ts'
import { formatAddress, parseAddress, type Address } from '../config/address.ts'
import { Secret } from '../secret/secret.ts'
import { secretNamesOf } from '../config/service-settings.ts'
import type { Choice, Dialogue } from './dialogue.ts'
import type { InitWishes } from './init-plan.ts'
import { purposeOf, type SecretPurpose } from './sealing.ts'
import { askFields, requiredFields } from './secret-fields.ts'
import { askStore } from './store-questions.ts'

/** What there is before the first question. */
export interface Ground {
  readonly catalog: Catalog
  /** Where the planes listen unless the answer says otherwise. */
  readonly usual: Record<'data' | 'control', Address>
  /** What is wrong with the wishes so far, stores elsewhere included; undefined: nothing. */
  readonly problemWith: (wishes: InitWishes) => Promise<string | undefined>
}

/** Asks for what the options did not say. Throws when it is cancelled; nothing was written then. */
export async function askWishes(
  dialogue: Dialogue,
  { catalog, usual, problemWith }: Ground,
  given: InitWishes,
): Promise<InitWishes> {
  await dialogue.say(`Setting up ${given.environment}`)
  const keeping = await dialogue.choose('Where do the real credentials live?', KEEPINGS)
  const services = given.services.length > 0 ? given.services : await askServices(dialogue, catalog)
  const purposes = secretsOf(catalog, services).filter(({ name }) => !isGiven(given, name))
  const credentials = await askCredentials(dialogue, keeping, {
    purposes,
    services,
    given,
    problemWith,
  })
  const signingKey = given.signingKey ?? (await askSigningKey(dialogue))
  return {
    ...given,
    ...credentials,
    ...(await askListeners(dialogue, usual, given)),
    services,
    signingKey,
  }
}

const KEEPINGS: readonly Choice<string>[] = [
  { value: 'vault', label: 'In the built-in vault', hint: 'sealed here, opened by the proxy' },
  { value: 'env', label: 'In variables of the proxy', hint: 'env:NAME' },
  { value: 'file', label: 'In files', hint: 'file:/run/secrets/name, as containers mount them' },
  {
    value: 'hashicorp',
    label: 'In HashiCorp Vault or OpenBao',
    hint: 'asked before it is written',
  },
  {
    value: 'aws-sm',
    label: 'In AWS Secrets Manager',
    hint: 'with the credentials of this machine',
  },
]

interface Asking extends Pick<Ground, 'problemWith'> {
  readonly purposes: readonly SecretPurpose[]
  readonly services: readonly string[]
  readonly given: InitWishes
}

async function askCredentials(
  dialogue: Dialogue,
  keeping: string,
  { purposes, services, given, problemWith }: Asking,
): Promise<Partial<InitWishes>> {
  if (keeping === 'vault') return { typed: await askValues(dialogue, purposes) }
  if (keeping !== 'hashicorp' && keeping !== 'aws-sm') {
    const asked = await askReferences(dialogue, keeping, purposes)
    return { references: [...given.references, ...asked] }
  }
  return await askStore(dialogue, keeping, {
    given,
    names: purposes.map(({ name }) => name),
    problemWith: (wishes) => problemWith({ ...given, services, ...wishes }),
  })
}

function askServices(dialogue: Dialogue, { services }: Catalog): Promise<readonly string[]> {
  const choices = [...services.values()].map(({ id, name, support }) => ({
    value: id,
    label: name,
    hint: support.ready ? id : `${id}: not yet`,
    disabled: !support.ready,
  }))
  return dialogue.pick('Which services shall agents reach? Type to search, tab to select.', choices)
}

/** Each secret once, though several services may use it. */
function secretsOf(catalog: Catalog, ids: readonly string[]): SecretPurpose[] {
  const own = ids.flatMap((id) => {
    const service = catalog.services.get(id)
    return service ? secretNamesOf(service).slice(0, 1) : []
  })
  return [...new Set(own)].map((name) => purposeOf(catalog, name))
}

function isGiven({ imports, references }: InitWishes, name: string): boolean {
  return [...imports, ...references].some((pair) => pair.startsWith(`${name}=`))
}

async function askValues(
  dialogue: Dialogue,
  purposes: readonly SecretPurpose[],
): Promise<InitWishes['typed']> {
  const typed = new Map<string, ReadonlyMap<string, Secret>>()
  for (const purpose of purposes) {
    const fields = await askOne(dialogue, purpose)
    if (fields) typed.set(purpose.name, fields)
    else await dialogue.say(`Later: apistronghold secret set ${purpose.name}`)
  }
  return typed
}

/** Undefined when it was left for later. */
async function askOne(
  dialogue: Dialogue,
  purpose: SecretPurpose,
): Promise<ReadonlyMap<string, Secret> | undefined> {
  const fields = requiredFields(purpose)
  const [only, ...others] = fields
  if (others.length > 0) return await askFields(dialogue, purpose, fields)
  const question = `Credential for ${purpose.name} (empty: later)`
  const value = await dialogue.hide(question, { mayBeEmpty: true })
  return value === '' ? undefined : new Map([[only?.name ?? 'secret', new Secret(value)]])
}

async function askReferences(
  dialogue: Dialogue,
  keeping: string,
  purposes: readonly SecretPurpose[],
): Promise<string[]> {
  const references: string[] = []
  const isVariable = keeping === 'env'
  for (const { name } of purposes) {
    const variable = `${name.toUpperCase().replaceAll('-', '_')}_KEY`
    const initial = isVariable ? variable : `/run/secrets/${name}`
    const what = isVariable ? 'Which variable holds' : 'Which file holds'
    const place = await dialogue.type(`${what} the credential for ${name}?`, { initial })
    references.push(`${name}=${keeping}:${place}`)
  }
  return references
}

async function askSigningKey(dialogue: Dialogue): Promise<string | undefined> {
  const choice = await dialogue.choose('Which key signs tokens that are JWTs?', [
    { value: 'generate', label: 'A new one', hint: 'an existing one is kept' },
    { value: 'import', label: 'One from a file', hint: 'Ed25519, PEM' },
  ])
  return choice === 'generate' ? undefined : await dialogue.type('The file')
}

async function askListeners(
  dialogue: Dialogue,
  usual: Ground['usual'],
  { listen, controlListen }: InitWishes,
): Promise<Pick<InitWishes, 'listen' | 'controlListen'>> {
  const ask = (message: string, address: Address) =>
    dialogue.type(message, {
      initial: formatAddress(address),
      problemOf: (text) => (parseAddress(text) ? undefined : 'HOST:PORT, as 127.0.0.1:8900'),
    })
  return {
    listen: listen ?? (await ask('Where do agents reach the data plane?', usual.data)),
    controlListen:
      controlListen ?? (await ask('Where do operators reach the control plane?', usual.control)),
  }
}
