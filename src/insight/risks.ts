/** Risks in order: reports begin with the worst. */

import { isRiskier } from '../catalog/risk.ts'
import type { Risk } from '../catalog/service.ts'

/** For sorting, worst first. */
export function worstFirst(left: Risk, right: Risk): number {
  if (left === right) return 0
  return isRiskier(left, right) ? -1 : 1
}

/** Undefined of none. */
export function worstOf(risks: Iterable<Risk>): Risk | undefined {
  return [...risks].sort(worstFirst)[0]
}
