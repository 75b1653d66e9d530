/** `token`: issue, list, inspect, revoke. */

import type { Command } from 'commander'
import type { Runner } from './command.ts'
import { registerTokenIssue } from './token-issue.ts'
import { registerTokenList } from './token-list.ts'
import { registerTokenRevoke } from './token-revoke.ts'

export function registerToken(program: Command, runs: Runner): void {
  const token = program.command('token').description('phantom tokens: issue, list, inspect, revoke')
  registerTokenIssue(token, runs)
  registerTokenList(token, runs)
  registerTokenRevoke(token, runs)
}
