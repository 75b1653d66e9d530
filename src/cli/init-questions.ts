/** The dialogue of `init`: the same wishes as its options give, asked one after the other. */

import {
  autocompleteMultiselect,
  intro,
  isCancel,
  log,
  password,
  select,
  text,
} from '@clack/prompts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Service } from '../catalog/service.ts'
import { formatAddress, parseAddress } from '../config/address.ts'
import { defaultListeners } from '../config/rules.ts'
import { Secret } from '../secret/secret.ts'
import type { InitWishes } from './init-plan.ts'
import { purposeOf, secretNamesOf, type SecretPurpose } from './sealing.ts'
import { cancelled } from './secret-input.ts'
import { askFields, requiredFields } from './secret-fields.ts'

type Keeping = 'vault' | 'env' | 'file'

/** Asks for what the options did not say. Throws when it is cancelled; nothing was written then. */
export async function askWishes(catalog: Catalog, given: InitWishes): Promise<InitWishes> {
  intro(`Setting up ${given.environment}`)
  const keeping = await askKeeping()
  const services = given.services.length > 0 ? given.services : await askServices(catalog)
  const purposes = secretsOf(catalog, services).filter(({ name }) => !isGiven(given, name))
  const typed = keeping === 'vault' ? await askValues(purposes) : given.typed
  const references = keeping === 'vault' ? [] : await askReferences(keeping, purposes)
  const signingKey = given.signingKey ?? (await askSigningKey())
  const usual = defaultListeners(given.environment)
  const listen =
    given.listen ?? (await askAddress('Where do agents reach the data plane?', usual.data))
  const controlListen =
    given.controlListen ??
    (await askAddress('Where do operators reach the control plane?', usual.control))
  return {
    ...given,
    services,
    typed,
    references: [...given.references, ...references],
    signingKey,
    listen,
    controlListen,
  }
}

async function askKeeping(): Promise<Keeping> {
  return answered(
    await select<Keeping | 'hashicorp' | 'aws'>({
      message: 'Where do the real credentials live?',
      options: [
        {
          value: 'vault',
          label: 'In the built-in vault',
          hint: 'sealed here, opened by the proxy',
        },
        { value: 'env', label: 'In variables of the proxy', hint: 'env:NAME' },
        {
          value: 'file',
          label: 'In files',
          hint: 'file:/run/secrets/name, as containers mount them',
        },
        { value: 'hashicorp', label: 'HashiCorp Vault', hint: 'later', disabled: true },
        { value: 'aws', label: 'AWS Secrets Manager', hint: 'later', disabled: true },
      ],
    }),
  ) as Keeping // the disabled ones cannot be chosen
}

async function askServices({ services }: Catalog): Promise<readonly string[]> {
  const options = [...services.values()].map(({ id, name, support }) => ({
    value: id,
    label: name,
    hint: support.ready ? id : `${id}: not yet`,
    disabled: !support.ready,
  }))
  return answered(
    await autocompleteMultiselect({
      message: 'Which services shall agents reach? Type to search, tab to select.',
      options,
      maxItems: 10,
    }),
  )
}

/** Each secret once, though several services may use it. */
function secretsOf(catalog: Catalog, ids: readonly string[]): SecretPurpose[] {
  const services = ids.flatMap((id): Service | [] => catalog.services.get(id) ?? [])
  const own = services.flatMap((service) => secretNamesOf(service).slice(0, 1))
  return [...new Set(own)].map((name) => purposeOf(catalog, name))
}

function isGiven({ imports, references }: InitWishes, name: string): boolean {
  return [...imports, ...references].some((pair) => pair.startsWith(`${name}=`))
}

async function askValues(purposes: readonly SecretPurpose[]): Promise<InitWishes['typed']> {
  const typed = new Map<string, ReadonlyMap<string, Secret>>()
  for (const purpose of purposes) {
    const fields = await askOne(purpose)
    if (fields) typed.set(purpose.name, fields)
    else log.info(`Later: apistronghold secret set ${purpose.name}`)
  }
  return typed
}

/** Undefined when it was left for later. */
async function askOne(purpose: SecretPurpose): Promise<ReadonlyMap<string, Secret> | undefined> {
  const fields = requiredFields(purpose)
  const [only] = fields
  if (fields.length > 1) return await askFields(purpose, fields)
  const value = answered(
    await password({ message: `Credential for ${purpose.name} (empty: later)` }),
  )
  return value === '' ? undefined : new Map([[only?.name ?? 'secret', new Secret(value)]])
}

async function askReferences(
  keeping: 'env' | 'file',
  purposes: readonly SecretPurpose[],
): Promise<string[]> {
  const references: string[] = []
  for (const { name } of purposes) {
    const variable = `${name.toUpperCase().replaceAll('-', '_')}_KEY`
    const initialValue = keeping === 'env' ? variable : `/run/secrets/${name}`
    const what = keeping === 'env' ? 'Which variable holds' : 'Which file holds'
    const place = answered(
      await text({ message: `${what} the credential for ${name}?`, initialValue }),
    )
    references.push(`${name}=${keeping}:${place}`)
  }
  return references
}

async function askSigningKey(): Promise<string | undefined> {
  const choice = answered(
    await select({
      message: 'Which key signs tokens that are JWTs?',
      options: [
        { value: 'generate', label: 'A new one', hint: 'an existing one is kept' },
        { value: 'import', label: 'One from a file', hint: 'Ed25519, PEM' },
      ],
    }),
  )
  if (choice === 'generate') return undefined
  return answered(await text({ message: 'The file' }))
}

async function askAddress(
  message: string,
  usual: { readonly host: string; readonly port: number },
): Promise<string> {
  return answered(
    await text({
      message,
      initialValue: formatAddress(usual),
      validate: (raw) => (parseAddress(raw ?? '') ? undefined : 'HOST:PORT, as 127.0.0.1:8900'),
    }),
  )
}

function answered<T>(value: T): Exclude<T, symbol> {
  if (isCancel(value)) throw cancelled()
  return value as Exclude<T, symbol> // the only symbol there is says cancelled
}
