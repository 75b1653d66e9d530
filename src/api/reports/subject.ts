/** What a name names: an agent, a token by its id, or a credential; it may be more than one of them. */

import { nearest } from '../../base/nearest.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { scopesBehind } from '../../insight/scope-book.ts'
import type { Subject } from '../../insight/blast-radius-facts.ts'
import { isAgentName } from '../../policy/agent-name.ts'
import { isSecretName } from '../../secret/names.ts'
import type { ApiParts } from '../parts.ts'
import type { ApiProblem } from '../problem.ts'

const TOKEN_ID = /^tok_[0-9A-Za-z]{20}$/

type Kind = Subject['kind']
type SubjectParts = Pick<ApiParts, 'stores' | 'catalog' | 'credentialReference'>

/** Exactly one thing of this name, of that kind where one is asked for. */
export async function findSubject(
  parts: SubjectParts,
  name: string,
  kind: Kind | undefined,
): Promise<Result<Subject, ApiProblem>> {
  const kinds = await kindsOf(parts, name)
  const meant = kind === undefined ? kinds : kinds.filter((found) => found === kind)
  const [only, ...others] = meant
  if (only !== undefined && others.length === 0) return ok({ kind: only, name })
  if (only !== undefined) return err(ambiguous(name, meant))
  return err(await unknown(parts, name, kind))
}

async function kindsOf(parts: SubjectParts, name: string): Promise<Kind[]> {
  const { agents, grants } = parts.stores
  const kinds: Kind[] = []
  if (TOKEN_ID.test(name) && (await grants.findById(name))) kinds.push('token')
  if (isAgentName(name) && (await agents.find(name))) kinds.push('agent')
  if (isSecretName(name) && (await isCredential(parts, name))) kinds.push('credential')
  return kinds
}

async function isCredential(parts: SubjectParts, name: string): Promise<boolean> {
  const isKnown =
    scopesBehind(parts.catalog(), name).length > 0 || parts.credentialReference(name) !== undefined
  return isKnown || (await parts.stores.sealed.find(name)) !== undefined
}

function ambiguous(name: string, kinds: readonly Kind[]): ApiProblem {
  const words = kinds.map((kind) => (kind === 'agent' ? 'an agent' : `a ${kind}`)).join(' and ')
  return {
    code: 'subject_ambiguous',
    detail: `${name} is the name of ${words}: say which with kind (${kinds.join(' or ')}).`,
  }
}

async function unknown(
  parts: SubjectParts,
  name: string,
  kind: Kind | undefined,
): Promise<ApiProblem> {
  const agents = (await parts.stores.agents.list()).map((agent) => agent.name)
  const near = nearest(name, [...agents, ...credentialNames(parts)])
  const what = kind ?? 'agent, token id or credential'
  const hint = near === undefined ? '' : ` Did you mean ${near}?`
  return {
    code: 'not_found',
    detail: `There is no ${what} of this name.${hint}`,
    ...(near === undefined ? {} : { nearest: [near] }),
  }
}

function credentialNames({ catalog }: SubjectParts): string[] {
  return [...catalog().services.values()].flatMap(({ credential, credentialSplits }) => [
    credential,
    ...credentialSplits.values(),
  ])
}
