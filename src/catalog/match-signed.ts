/** From a signed request to its operation. */

import { err, ok, type Result } from '../base/result.ts'
import type { MatchProblem, SignedOperationRequest } from './catalog.ts'
import type { MatchedOperation } from './judge.ts'
import { judgedMethod, type CompiledService } from './match.ts'

/** The operation of a signed request: its API names it, and a glob over its key decides. */
export function matchSigned(
  { service, apis, ruleset }: CompiledService,
  request: SignedOperationRequest,
): Result<MatchedOperation, MatchProblem> {
  const { method, target, signing, namedHost } = request
  if (!judgedMethod(method)) return err({ reason: 'method_not_allowed' })
  const { segments, query } = target
  const asked = { ...request, ...signing, query }
  const named = apis.name({ ...asked, segments })
  // An upstream that takes `%2F` for a separator must not see another operation.
  const apart = apis.name({ ...asked, segments: segments.flatMap((text) => text.split('/')) })
  if (apart && apart.key !== named?.key) return err({ reason: 'operation_unknown' })
  const scope = named && apis.scopeOf(named.key)
  if (!scope || (namedHost !== undefined && namedHost !== named.host))
    return err({ reason: 'operation_unknown' })
  return ok({
    ...{ service, method, target },
    host: named.host,
    rule: named.key,
    baseScopes: [...new Set([scope, ...apis.extrasOf(named.key, request.parameters)])].map(
      ({ id }) => id,
    ),
    checks: ruleset.general,
    readsBody: false,
    allowsRanges: apis.allowsRanges(named.key),
    allowsUpgrade: false,
    signing: { service: signing.service, region: named.region },
    secretFields: apis.secretFieldsOf(named.key),
  })
}
