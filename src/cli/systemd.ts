/** A systemd unit for an environment, for whoever wants more than the background service. */

import type { Config } from '../config.ts'
import type { StateDirectory } from '../state-dir.ts'
import { executable } from './background.ts'
import { NODE_FLAGS } from './node-flags.ts'

export function systemdUnit({
  config,
  state,
}: {
  readonly config: Config
  readonly state: StateDirectory
}): string {
  const isRoot = process.geteuid?.() === 0
  const sources = config.environmentSources.map(
    (name) =>
      `# Environment=${name}=... is read by env:${name}; better: LoadCredential= and file:\n`,
  )
  return `[Unit]
Description=apistronghold (${config.environment})
Wants=network-online.target
After=network-online.target

[Service]
${
  isRoot
    ? `# Better than root: useradd --system apistronghold, chown -R apistronghold: ${state.path}, then
# User=apistronghold\n`
    : ''
}${sources.join('')}ExecStart=${quote(process.execPath)} ${NODE_FLAGS.join(' ')} ${quote(executable())} serve --config ${quote(config.path)} --env ${config.environment}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
TimeoutStopSec=${config.limits.stopGraceSeconds + 10}
UMask=0077
LimitCORE=0
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=strict
ReadWritePaths=${quote(state.path)}

[Install]
WantedBy=${isRoot ? 'multi-user.target' : 'default.target'}
`
}

/** For a shell: links the unit from where it was written, and starts it. Root's units are the system's. */
export function enablingCommand(unit: string): string {
  const manager = process.geteuid?.() === 0 ? 'systemctl' : 'systemctl --user'
  return `${manager} enable --now ${shellQuoted(unit)}`
}

function shellQuoted(path: string): string {
  return /^[\w./@-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`
}

/** systemd reads C-like quotes, and a percent sign as a specifier. */
function quote(text: string): string {
  const escaped = text.replaceAll('%', '%%').replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  return /^[\w./@:-]+$/.test(text) ? text : `"${escaped}"`
}
