/**
 * The syslog of this machine. Most listen for datagrams, which Node cannot send to a path: there
 * `logger`, which is part of util-linux, hands the message over. It is read from standard input,
 * so that no process list shows it.
 */

import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { systemErrorCode } from '../base/errors.ts'
import { handOver } from './hand-over.ts'

const LOGGER = '/usr/bin/logger'
const HEAD = /^<(?<priority>\d{1,3})>1 (?:\S+ ){6}/

/** `message` is one of RFC 5424. */
export async function sendLocally(
  path: string,
  message: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await sendAsStream(path, message, signal)
  } catch (error) {
    if (systemErrorCode(error) !== 'EPROTOTYPE') throw error
    await sendAsDatagram(path, message, signal)
  }
}

/** Local streams are not framed: a line is a message, and ours have no line break. */
async function sendAsStream(path: string, message: string, signal: AbortSignal): Promise<void> {
  await handOver(connect({ path }), `${message}\n`, signal)
}

async function sendAsDatagram(path: string, message: string, signal: AbortSignal): Promise<void> {
  const { priority = '' } = HEAD.exec(message)?.groups ?? {}
  const text = message.replace(HEAD, '')
  const args = ['--socket', path, '--tag', 'apistronghold', '--priority', nameOf(Number(priority))]
  const child = spawn(LOGGER, args, { env: {}, stdio: ['pipe', 'ignore', 'ignore'], signal })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.stdin.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error('logger failed'))
    })
    child.stdin.end(`${text}\n`)
  })
}

const SEVERITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const

/** `logger` wants the priority's name; ours are all of one facility. */
function nameOf(priority: number): string {
  return `authpriv.${SEVERITIES[priority % 8] ?? 'warning'}`
}
