/** `completion`: a script for the shell that completes commands and their options. */

import type { Command } from 'commander'
import { z } from 'zod'
import type { Runner } from './command.ts'

export function registerCompletion(program: Command, runs: Runner): void {
  const command = program
    .command('completion')
    .description('print a completion script: source <(apistronghold completion bash)')
  command.addArgument(command.createArgument('<shell>').choices(['bash', 'zsh']))
  runs(command, z.object({}), async ({ session, args: [shell] }) => {
    session.terminal.print(shell === 'zsh' ? zshScript(program) : bashScript(program))
  })
}

/** Words that may follow each prefix of a command line, as `token issue`. */
function wordsByPrefix(program: Command): ReadonlyMap<string, readonly string[]> {
  const words = new Map<string, readonly string[]>()
  const shared = program.options.flatMap(({ long }) => long ?? [])
  const visit = (command: Command, prefix: string) => {
    const names = command.commands.map((child) => child.name())
    const flags = command.options.flatMap(({ long }) => long ?? [])
    words.set(prefix, [...names, ...new Set([...flags, ...shared])])
    for (const child of command.commands) visit(child, `${prefix} ${child.name()}`.trim())
  }
  visit(program, '')
  return words
}

function bashScript(program: Command): string {
  const cases = [...wordsByPrefix(program)].map(
    ([prefix, words]) => `    '${prefix}') words='${words.join(' ')}' ;;`,
  )
  return `_apistronghold() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  while :; do
    case $path in
${cases.join('\n')}
    esac
    [ -n "$words" ] || [ -z "$path" ] && break
    case $path in *' '*) path=\${path% *} ;; *) path='' ;; esac
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _apistronghold apistronghold`
}

/** zsh understands bash's way. */
function zshScript(program: Command): string {
  return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(program)}`
}
