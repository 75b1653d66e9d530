/** `token`: issue, list, inspect, revoke, resume. */

import type { Command } from 'commander'
import type { Runner } from './command.ts'
import { registerTokenIssue } from './token-issue.ts'
import { registerTokenList } from './token-list.ts'
import { registerTokenResume } from './token-resume.ts'
import { registerTokenRevoke } from './token-revoke.ts'

export function registerToken(program: Command, runs: Runner): void {
  const token = program
    .command('token')
    .description('phantom tokens: issue, list, inspect, revoke, resume')
  registerTokenIssue(token, runs)
  registerTokenList(token, runs)
  registerTokenRevoke(token, runs)
  registerTokenResume(token, runs)
}
