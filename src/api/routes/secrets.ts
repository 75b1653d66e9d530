/**
 * Sealed secrets: ciphertext goes in, and only names and versions come out. The signature must be
 * a listed sealer's; what is inside cannot be read here and is judged where it is opened.
 */

import { z } from '@hono/zod-openapi'
import { err, ok, type Result } from '../../base/result.ts'
import { MAX_ENVELOPE_BYTES } from '../../secret/envelope-text.ts'
import type { EnvelopeProblem } from '../../secret/envelope.ts'
import type { SealedSecret, SealedStore } from '../../secret/sealed-store.ts'
import type { ProcessSourceState } from '../../secret/source-state.ts'
import type { ChangeLog } from '../changes.ts'
import type { ApiParts } from '../parts.ts'
import type { ApiProblem } from '../problem.ts'
import { defineRoute, ROLES, type Caller, type Route } from '../route.ts'
import { instant, pageOf, secretName } from '../schemas.ts'

const MAX_VERSION = 999_999_999

const view = z
  .strictObject({ name: z.string(), version: z.int(), sealedBy: z.string(), storedAt: instant() })
  .openapi('Secret')

const sourceState = z
  .strictObject({
    name: z.string(),
    source: z.string().openapi({ description: 'The reference, as vault:stripe.' }),
    process: z.string().openapi({
      description:
        'local, or the name of a worker; tokens for the one place where tokens are minted from it.',
    }),
    version: z.string().optional().openapi({ description: 'Absent while nobody has needed it.' }),
    fetchedAt: instant().optional(),
    refreshAt: instant().optional(),
    expiresAt: instant().optional(),
    lastError: z.strictObject({ at: instant(), problem: z.string() }).optional(),
    inFlight: z
      .array(z.strictObject({ version: z.string(), requests: z.int() }))
      .optional()
      .openapi({
        description:
          'Requests under way by the version that they were given: `v3`, or `v3.token` for what was minted from it.',
      }),
  })
  .openapi('SecretSource')

const versions = z
  .strictObject({
    name: z.string(),
    version: z.int().openapi({ description: '0 where there is none.' }),
    highestVersion: z.int(),
  })
  .openapi('SecretVersions')

const request = z
  .strictObject({
    envelope: z.string().max(MAX_ENVELOPE_BYTES),
    version: z.int().positive().max(MAX_VERSION).optional().openapi({
      description:
        'The version sealed inside, where it is not the next one: a deleted secret comes back above all versions that were ever opened.',
    }),
  })
  .openapi('EnvelopeRequest')

const params = z.strictObject({ name: secretName })
/** What an `If-Match` can spell. */
const VERSION = /^"(?<version>0|[1-9]\d{0,8})"$/

export function secretRoutes(parts: ApiParts, changes: ChangeLog): readonly Route[] {
  return [
    listRoute(parts),
    statesRoute(parts),
    versionsRoute(parts),
    putRoute(parts, changes),
    deleteRoute(parts, changes),
  ]
}

function listRoute({ stores }: ApiParts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/secrets',
      summary: 'List sealed secrets by name; never what is in them',
      roles: ROLES.auditors,
      query: z.strictObject({}),
      status: 200,
      answer: pageOf(view),
    },
    async () => ok({ items: (await stores.sealed.list()).map(viewOf) }),
  )
}

function statesRoute({ secretStates }: ApiParts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/secret-sources',
      summary: 'Where each secret comes from and how fresh it is in each process; never a value',
      roles: ROLES.auditors,
      query: z.strictObject({}),
      status: 200,
      answer: pageOf(sourceState),
    },
    async () => ok({ items: (await secretStates()).map(sourceView) }),
  )
}

function sourceView({ inFlight, ...known }: ProcessSourceState): z.input<typeof sourceState> {
  return { ...known, ...(inFlight && { inFlight: [...inFlight] }) }
}

function versionsRoute({ stores }: ApiParts): Route {
  return defineRoute(
    {
      method: 'get',
      path: '/v1/secrets/{name}',
      summary: 'Which version is stored, and the highest that ever was: seal the next above it',
      roles: ROLES.auditors,
      params,
      status: 200,
      answer: versions,
    },
    async ({ params: { name } }) =>
      ok({
        name,
        version: await versionOf(stores.sealed, name),
        highestVersion: await stores.sealed.highestVersion(name),
      }),
  )
}

function putRoute(parts: ApiParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'put',
      path: '/v1/secrets/{name}',
      summary: 'Store a sealed secret as the next version',
      roles: ROLES.admins,
      headers: { 'if-match': 'The version that it replaces in quotes, "0" for none.' },
      params,
      body: request,
      maxBodyBytes: 2 * MAX_ENVELOPE_BYTES,
      status: 200,
      answer: view,
      answerHeaders: ({ version }) => ({ etag: `"${version}"` }),
      problems: ['envelope_refused', 'version_required', 'version_conflict'],
    },
    async (call) => {
      const expected = expectedVersion(call.headers)
      if (!expected.ok) return expected
      const verified = parts.verifyEnvelope(call.body.envelope)
      if (!verified.ok) return err(refused(verified.error))
      const { sealer } = verified.value
      return await put(parts, changes, {
        caller: call,
        expected: expected.value,
        secret: {
          name: call.params.name,
          version: call.body.version ?? expected.value + 1,
          envelope: call.body.envelope,
          sealedBy: sealer,
          storedAt: call.at,
        },
      })
    },
  )
}

interface Replacement {
  readonly caller: Caller
  readonly expected: number
  readonly secret: SealedSecret
}

async function put(
  { stores, forgetCredential }: ApiParts,
  changes: ChangeLog,
  { caller, expected, secret }: Replacement,
): Promise<Result<z.input<typeof view>, ApiProblem>> {
  const { name, version, sealedBy } = secret
  const there = await versionOf(stores.sealed, name)
  if (there !== expected) return conflict(there)
  const highest = await stores.sealed.highestVersion(name)
  if (version <= highest) return conflict(highest)
  const change = { action: 'secret.set', target: name, details: { version, sealedBy } }
  return await changes.grant(caller, change, async () => {
    if (!(await stores.sealed.put(secret, expected))) return conflict()
    await forgetCredential(name)
    return ok(viewOf(secret))
  })
}

function deleteRoute({ stores, forgetCredential }: ApiParts, changes: ChangeLog): Route {
  return defineRoute(
    {
      method: 'delete',
      path: '/v1/secrets/{name}',
      summary: 'Delete a sealed secret',
      roles: ROLES.admins,
      headers: { 'if-match': 'Optional: the version that is to be deleted, in quotes.' },
      params,
      status: 204,
      problems: ['not_found', 'version_conflict'],
    },
    (call) =>
      changes.withdraw(call, async () => {
        const { name } = call.params
        const version = await versionOf(stores.sealed, name)
        const expected = call.headers.has('if-match') ? expectedVersion(call.headers) : ok(version)
        if (!expected.ok) return expected
        if (expected.value !== version) return conflict(version)
        if (!(await stores.sealed.delete(name)))
          return err({ code: 'not_found', detail: 'There is no sealed secret of this name.' })
        await forgetCredential(name)
        const change = { action: 'secret.delete', target: name, details: { version } }
        return ok({ answer: undefined, change })
      }),
  )
}

/** 0 where there is none. */
async function versionOf(sealed: SealedStore, name: string): Promise<number> {
  return (await sealed.find(name))?.version ?? 0
}

function expectedVersion(headers: Headers): Result<number, ApiProblem> {
  const text = headers.get('if-match')
  if (text === null)
    return err({
      code: 'version_required',
      detail: 'Say with If-Match which version this replaces: "0" for none.',
    })
  const { version } = VERSION.exec(text)?.groups ?? {}
  if (version === undefined)
    return err({ code: 'invalid_request', detail: 'If-Match holds one version in quotes, as "3".' })
  return ok(Number(version))
}

function conflict(there?: number): Result<never, ApiProblem> {
  const which = there === undefined ? 'Another version' : `Version ${there}`
  return err({ code: 'version_conflict', detail: `${which} is there: seal again on top of it.` })
}

function refused(problem: EnvelopeProblem): ApiProblem {
  const detail =
    problem.reason === 'sealer_unknown'
      ? 'Its signer is not among vault.sealers of this environment.'
      : 'It is no envelope with a valid signature of a listed sealer.'
  return { code: 'envelope_refused', detail }
}

function viewOf({ name, version, sealedBy, storedAt }: SealedSecret): z.input<typeof view> {
  return { name, version, sealedBy, storedAt }
}
