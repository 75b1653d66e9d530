/** Questions of `init` about a secret store elsewhere, which is asked before anything is written. */

import { cancelled, type Dialogue } from './dialogue.ts'
import type { InitWishes } from './init-plan.ts'

type Store = 'hashicorp' | 'aws-sm'
type StoreWishes = Pick<InitWishes, 'stores' | 'references' | 'isCheckingStores'>

interface StoreAsking {
  readonly given: InitWishes
  /** The secrets that are to come from there. */
  readonly names: readonly string[]
  readonly problemWith: (wishes: StoreWishes) => Promise<string | undefined>
}

/** Asks again until the store answers, or until it is left unasked, or all is left. */
export async function askStore(
  dialogue: Dialogue,
  store: Store,
  { given, names, problemWith }: StoreAsking,
): Promise<StoreWishes> {
  for (;;) {
    const settings = await (store === 'hashicorp' ? askHashicorp(dialogue) : askAws(dialogue))
    const wishes = {
      stores: [...given.stores, ...settings],
      references: [...given.references, ...(await askPlaces(dialogue, store, names))],
      isCheckingStores: given.isCheckingStores,
    }
    const problem = await problemWith(wishes)
    if (problem === undefined) {
      await dialogue.say('The store gives what is needed.')
      return wishes
    }
    await dialogue.say(problem)
    const next = await dialogue.choose('What now?', [
      { value: 'again', label: 'Answer again' },
      { value: 'unchecked', label: 'Write it all the same', hint: 'the store is asked later' },
      { value: 'leave', label: 'Leave; nothing is written' },
    ])
    if (next === 'leave') throw cancelled()
    if (next === 'unchecked') return { ...wishes, isCheckingStores: false }
  }
}

async function askHashicorp(dialogue: Dialogue): Promise<string[]> {
  const settings = [
    `hashicorp.address=${await dialogue.type('Where is it?', { initial: 'https://127.0.0.1:8200', problemOf: needed })}`,
  ]
  const namespace = await dialogue.type('Which namespace? (empty: none)')
  if (namespace !== '') settings.push(`hashicorp.namespace=${namespace}`)
  const auth = await dialogue.choose('How does the proxy prove itself?', [
    { value: 'token', label: 'With a token' },
    { value: 'approle', label: 'With an AppRole' },
    { value: 'kubernetes', label: 'With its Kubernetes service account' },
  ])
  settings.push(`hashicorp.auth=${auth}`)
  for (const { field, message, initial } of AUTH_QUESTIONS[auth]) {
    const value = await dialogue.type(message, { initial, problemOf: needed })
    settings.push(`hashicorp.${field}=${value}`)
  }
  if (await dialogue.confirm('Is it on this machine or in a private network?'))
    settings.push('hashicorp.allow_private_address=true')
  const authority = await dialogue.type(
    'A file with the certificates that verify it? (empty: the public ones)',
  )
  return authority === '' ? settings : [...settings, `hashicorp.ca_file=${authority}`]
}

interface AuthQuestion {
  readonly field: string
  readonly message: string
  readonly initial: string
}

const AUTH_QUESTIONS: Readonly<
  Record<'token' | 'approle' | 'kubernetes', readonly AuthQuestion[]>
> = {
  token: [{ field: 'token', message: 'Where is the token kept?', initial: 'env:VAULT_TOKEN' }],
  approle: [
    { field: 'role_id', message: 'Where is the role id kept?', initial: 'env:VAULT_ROLE_ID' },
    { field: 'secret_id', message: 'Where is the secret id kept?', initial: 'env:VAULT_SECRET_ID' },
  ],
  kubernetes: [{ field: 'role', message: 'Which role?', initial: 'apistronghold' }],
}

async function askAws(dialogue: Dialogue): Promise<string[]> {
  const region = await dialogue.type('Which region?', {
    initial: 'eu-central-1',
    problemOf: needed,
  })
  return [`aws-sm.region=${region}`]
}

async function askPlaces(
  dialogue: Dialogue,
  store: Store,
  names: readonly string[],
): Promise<string[]> {
  const references: string[] = []
  for (const name of names) {
    const initial = store === 'hashicorp' ? `secret/data/${name}#key` : `production/${name}#key`
    const message = `Where is the credential for ${name}? (path#field)`
    const place = await dialogue.type(message, { initial, problemOf: needed })
    references.push(`${name}=${store}:${place}`)
  }
  return references
}

const needed = (text: string): string | undefined => (text === '' ? 'this is needed' : undefined)
