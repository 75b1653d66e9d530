/** `service test`: which scope an operation needs and which rule says so, without sending anything. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { z } from 'zod'
import { Failure, systemErrorCode } from '../base/errors.ts'
import type { Catalog, Facts, MatchProblem, Operation } from '../catalog/catalog.ts'
import type { Service } from '../catalog/service.ts'
import { parseTarget } from '../catalog/target.ts'
import { collect, type Call, type Runner } from './command.ts'
import { openCatalog } from './config-file.ts'
import { answer, loadLocal, type Session } from './session.ts'

const options = z.object({
  header: z.array(z.string()).optional(),
  bodyFile: z.string().optional(),
})
type Options = z.output<typeof options>

export function registerServiceTest(parent: Command, runs: Runner): void {
  const command = parent
    .command('test')
    .argument('<method>')
    .argument('<url>', 'as the service itself would be called, https://api.stripe.com/v1/refunds')
    .description('say which scope an operation needs, and by which rule')
    .option('--header <name:value>', 'a header that conditions may look at', collect)
    .option('--body-file <file>', 'a body that conditions may look at')
  runs(command, options, testService)
}

/** What one service makes of the request. */
interface Verdict {
  readonly service: string
  readonly host: string
  readonly method: string
  readonly path: string
  readonly decision: 'allow' | 'deny'
  /** Every scope that a token needs for it; empty when no token is enough. */
  readonly scopes: readonly string[]
  readonly rule?: string
  /** Conditions may add scopes for what is in the body, and none was given. */
  readonly dependsOnBody?: boolean
  readonly reason?: string
}

async function testService({ session, options: asked, args }: Call<Options>): Promise<void> {
  const [method = '', url = ''] = args
  const { host, raw } = splitUrl(url)
  const { config } = loadLocal(session)
  const catalog = await openCatalog(config)
  const facts = factsOf(session, asked)
  const request = { method: method.toUpperCase(), host, raw, facts }
  const services = [...catalog.services.values()].filter((service) =>
    service.hosts.some(({ name }) => name === host),
  )
  if (services.length === 0)
    throw new Failure('not_found', `no service of the catalogue has the host ${host}`)
  const verdicts = await Promise.all(services.map((service) => judge(catalog, service, request)))
  const words = verdicts.map((verdict) => describeVerdict(catalog, verdict)).join('\n')
  answer(session, verdicts.length === 1 ? verdicts[0] : { items: verdicts }, words)
  if (verdicts.every(({ decision }) => decision === 'deny'))
    throw new Failure('refused', 'no token is enough for this')
}

/** Cut by hand: a URL parser would tidy up the very things that the rules look at. */
function splitUrl(url: string): { readonly host: string; readonly raw: string } {
  const { host, raw = '/' } =
    /^https:\/\/(?<host>[^/?#@\s]+)(?<raw>\/[^#]*)?$/.exec(url)?.groups ?? {}
  if (host === undefined)
    throw new Failure(
      'usage_invalid',
      'the URL begins with https:// and a host, and has no fragment',
    )
  return { host: host.toLowerCase().replace(/:443$/, ''), raw }
}

function factsOf({ terminal }: Session, { header = [], bodyFile }: Options): Facts {
  const headers = header.map((line) => {
    const colon = line.indexOf(':')
    if (colon < 1) throw new Failure('usage_invalid', '--header takes NAME:VALUE')
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()] as const
  })
  const contentType = headers.find(([name]) => name === 'content-type')?.[1]
  if (bodyFile === undefined) return { headers, contentType, body: { kind: 'none' } }
  const path = resolve(terminal.workingDirectory, bodyFile)
  return { headers, contentType, body: { kind: 'bytes', bytes: readBody(path) } }
}

function readBody(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new Failure('usage_invalid', `cannot read ${path}: ${systemErrorCode(error) ?? ''}`)
  }
}

interface TestedRequest {
  readonly method: string
  readonly host: string
  readonly raw: string
  readonly facts: Facts
}

async function judge(
  catalog: Catalog,
  service: Service,
  { method, host, raw, facts }: TestedRequest,
): Promise<Verdict> {
  const base = { service: service.id, host, method, path: raw.split('?')[0] ?? '/' }
  const refused = (reason: string, rule?: string): Verdict => ({
    ...base,
    decision: 'deny',
    scopes: [],
    reason,
    ...(rule === undefined ? {} : { rule }),
  })
  const target = parseTarget(raw, service)
  if (!target.ok) return refused(target.error.problem)
  const matched = catalog.match(service, { method, host, target: target.value })
  if (!matched.ok) return refused(wordProblem(matched.error))
  // Holding everything, so that what remains is what a token would need.
  const held = new Set([...service.scopes.values()].map(({ id }) => id))
  const judged = await catalog.judge(matched.value, facts, held)
  const { rule } = matched.value
  if (!judged.ok) return refused(wordOutcome(judged.error), rule)
  const { scopes } = judged.value
  return { ...base, decision: 'allow', scopes, rule, ...openQuestion(matched.value, facts) }
}

function openQuestion({ readsBody }: Operation, { body }: Facts) {
  return readsBody && body.kind === 'none' ? { dependsOnBody: true } : {}
}

function wordProblem(problem: MatchProblem): string {
  switch (problem.reason) {
    case 'operation_unknown':
      return 'no rule covers this method and path'
    case 'method_not_allowed':
      return 'this method is never let through'
    case 'operation_unsupported':
      return problem.why
    case 'operation_denied':
      return `the rule ${problem.rule} denies it`
  }
}

type Outcome = Extract<Awaited<ReturnType<Catalog['judge']>>, { ok: false }>['error']

function wordOutcome(outcome: Outcome): string {
  switch (outcome.reason) {
    case 'guard_denied':
      return `${outcome.guard}: ${outcome.why}`
    case 'acting_as_not_allowed':
      return `${outcome.field} changes who acts, which no scope of this service allows`
    case 'body_unreadable':
      return outcome.problem
  }
}

function describeVerdict({ scopes }: Catalog, verdict: Verdict): string {
  const { service, method, path, decision, rule, reason } = verdict
  const what = `${service}: ${method} ${path}`
  if (decision === 'deny') return `${what} is refused: ${reason ?? ''}`
  const needed = verdict.scopes.map((id) => `${id} (${scopes.get(id)?.risk ?? ''})`).join(' and ')
  const note = verdict.dependsOnBody
    ? '\n  conditions look at the body as well and may add scopes: try one with --body-file'
    : ''
  return `${what} needs ${needed}\n  by the rule ${rule ?? ''}${note}`
}
