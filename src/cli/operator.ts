/** `operator`: the humans who administer. Each has a name and a key; nothing is anonymous. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { Call, Runner } from './command.ts'
import { connect, describe } from './connection.ts'
import { formatMoment } from './moments.ts'
import { answer } from './session.ts'
import { formatTable } from './table.ts'

const none = z.object({})
const addOptions = z.object({ role: z.enum(['admin', 'issuer', 'auditor']) })

export function registerOperator(program: Command, runs: Runner): void {
  const operator = program.command('operator').description('operators: list, add, remove')
  runs(operator.command('list').description('list operators'), none, listOperators)
  const add = operator
    .command('add')
    .argument('<name>')
    .description('add an operator and print the key, once')
  add.addOption(
    add
      .createOption('--role <role>', 'what the operator may do')
      .choices(['admin', 'issuer', 'auditor'])
      .default('issuer'),
  )
  runs(add, addOptions, addOperator)
  const remove = operator.command('remove').argument('<name>').description("end an operator's key")
  runs(remove, none, removeOperator)
}

async function listOperators({ session }: Call<object>): Promise<void> {
  const { client } = await connect(session)
  const { items } = await client.operators.list()
  const rows = items.map(({ name, role, createdAt }) => [name, role, formatMoment(createdAt)])
  answer(session, { items }, formatTable(session.terminal, ['operator', 'role', 'since'], rows))
}

/** The key alone on standard output, so that it can be piped to where it is kept. */
async function addOperator({
  session,
  options: { role },
  args: [name = ''],
}: Call<z.output<typeof addOptions>>): Promise<void> {
  const connection = await connect(session)
  const added = await connection.client.operators.add({ name, role })
  session.terminal.note(
    `${added.name} may now administer ${describe(connection)} as ${added.role}. The key is shown this once; it is used with \`apistronghold login\`:`,
  )
  answer(session, added, added.key)
}

async function removeOperator({ session, args: [name = ''] }: Call<object>): Promise<void> {
  const connection = await connect(session)
  await connection.client.operators.remove(name)
  session.terminal.note(describe(connection))
  answer(session, { removed: name }, `${name} removed; the key stopped working`)
}
