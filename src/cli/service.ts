/** `service`: what the catalogue knows, and where this machine sends it. */

import type { Command } from 'commander'
import type { Runner } from './command.ts'
import { registerServiceChange } from './service-change.ts'
import { registerServiceList } from './service-list.ts'
import { registerServiceTest } from './service-test.ts'

export function registerService(program: Command, runs: Runner): void {
  const service = program.command('service').description('services: list, show, add, set, test')
  registerServiceList(service, runs)
  registerServiceChange(service, runs)
  registerServiceTest(service, runs)
}
