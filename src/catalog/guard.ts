/**
 * Guards: what is checked beside the scope, because it changes who acts, smuggles a method or a
 * credential, or makes the upstream do more than the path says.
 */

import { err, ok, type Result } from '../base/result.ts'
import { compileTest, type Test, type TestDefinition } from './condition.ts'

export interface GuardDefinition {
  readonly when: TestDefinition
  readonly action?: 'deny' | 'strip' | undefined
  readonly require?: string | undefined
  readonly unless?: string | undefined
  readonly why?: string | undefined
}

export interface Guard {
  readonly test: Test
  readonly action: 'deny' | 'strip' | 'require'
  /** Full name of the scope that `require` asks for. */
  readonly scope: string | undefined
  /** It decides on whose behalf the request acts. */
  readonly isActingAs: boolean
  readonly why: string
}

/** Compiles a guard of service `id`; otherwise a sentence that says what is wrong with it. */
export function compileGuard(definition: GuardDefinition, id: string): Result<Guard, string> {
  const { action, require, unless } = definition
  const test = compileTest(definition.when)
  if (!test.ok) return test
  if (action === 'strip' && test.value.source !== 'header')
    return err('can strip headers only: a path, query or body goes on as it came, so deny it')
  return ok({
    test: test.value,
    action: action ?? 'require',
    scope: require === undefined ? undefined : `${id}:${require}`,
    // Pinning a credential to one account is what would make such a header safe.
    isActingAs: require !== undefined || unless === 'pinned',
    why: definition.why ?? 'it could change what the request does',
  })
}

const OVERRIDE_HEADERS = ['x-http-method-override', 'x-http-method', 'x-method-override']
const OVERRIDE_FIELDS = ['_method', '$httpMethod']

/** Google's front ends, Rails and others let these replace the method that was judged (SC-09). */
export const UNIVERSAL_GUARDS: readonly Guard[] = [
  ...OVERRIDE_HEADERS.map((name) => overrideGuard({ in: 'header', name })),
  ...OVERRIDE_FIELDS.map((field) => overrideGuard({ in: 'query', field })),
]

/** The same field in a form. Only forms are looked at: any other body is let through. */
export const FORM_OVERRIDE_GUARD: Guard = overrideGuard({ in: 'form', field: '_method' }, true)

function overrideGuard(definition: TestDefinition, isLenient = false): Guard {
  const test = compileTest(definition)
  if (!test.ok) throw new Error(test.error)
  return {
    test: { ...test.value, isLenient },
    action: 'deny',
    scope: undefined,
    isActingAs: false,
    why: 'it would replace the method that was judged',
  }
}
