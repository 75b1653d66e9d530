/** Tokens of every grant, with their troubles in two kinds. */

import { Failure } from '../../base/errors.ts'
import type { MintRule } from '../../catalog/service.ts'
import { mintByAssumingRole } from './assume-role.ts'
import { mintForInstallation } from './github-app.ts'
import type { Fields, Mint, MinterParts } from './mint.ts'
import { mintByOAuth } from './oauth.ts'

/** For caching: an endpoint whose tokens have ended already must not be asked at each request. */
const MIN_LIFE_MS = 2000

export function createMint(parts: MinterParts): Mint {
  return async (rule, fields) => {
    try {
      const minted = await mintOf(rule)({ ...rule, url: urlOf(rule, fields) }, fields, parts)
      // No failure: a refresh token that came with it would be lost.
      return { ...minted, expiresAt: Math.max(minted.expiresAt, parts.now() + MIN_LIFE_MS) }
    } catch (error) {
      throw failureOf(error)
    }
  }
}

function mintOf({ grant }: MintRule) {
  if (grant === 'github_app') return mintForInstallation
  return grant === 'aws_assume_role' ? mintByAssumingRole : mintByOAuth
}

/** Values go in encoded, so that none of them can lead to another path. */
function urlOf({ url }: MintRule, fields: Fields): string {
  return url.replace(/\{([a-z][a-z0-9_]*)\}/g, (_slot, name: string) => {
    const value = fields.get(name)?.reveal()
    if (value === undefined || !/^[\w-]{1,128}$/.test(value))
      throw new Failure('secret_invalid', `its field ${name} is none that an address may hold`)
    return value
  })
}

/** Whom to ask cannot be reached: the same to those who wait as a store that is down. */
function failureOf(error: unknown): Failure {
  if (!(error instanceof Failure))
    return new Failure('secret_store_unavailable', 'no token could be minted')
  if (!error.code.startsWith('upstream_') && error.code !== 'address_forbidden') return error
  return new Failure('secret_store_unavailable', `the token endpoint: ${error.message}`)
}
