/** Which of two scopes is the more dangerous (CATALOGUE part 5, R12). */

import type { Risk } from './service.ts'

const ORDER: readonly Risk[] = ['read', 'write', 'destructive', 'admin', 'money', 'secrets']

export const isRiskier = (left: Risk, right: Risk): boolean =>
  ORDER.indexOf(left) > ORDER.indexOf(right)
