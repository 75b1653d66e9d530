/** Secrets in environment variables, only those that the configuration lists. */

import { Failure } from '../base/errors.ts'
import type { SecretStore } from '../secret/secret-store.ts'
import { Secret } from '../secret/secret.ts'
import type { ValueVersion } from './value-version.ts'

export interface EnvStoreParts {
  /** A copy taken at start: the live one can be changed by any library. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Names of `env_sources`; asked at each read. */
  readonly allowed: () => readonly string[]
  readonly versionOf: ValueVersion
}

/** A store whose references are names of variables; the value is one field named `secret`. */
export function createEnvStore({ environment, allowed, versionOf }: EnvStoreParts): SecretStore {
  return {
    async read(variable) {
      if (!allowed().includes(variable))
        throw new Failure('secret_invalid', `the variable ${variable} is not in env_sources`)
      const value = Object.hasOwn(environment, variable) ? environment[variable] : undefined
      if (value === undefined) return undefined
      if (value === '') throw new Failure('secret_invalid', `the variable ${variable} is empty`)
      const secret = new Secret(value)
      return { fields: new Map([['secret', secret]]), version: versionOf(secret) }
    },
  }
}
