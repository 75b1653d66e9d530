/** OpenBao or HashiCorp Vault itself, in memory, where one of them is installed. */

import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { skipUnless } from './skip.ts'
import { createTemporaryDirectory } from './temporary.ts'

export interface VaultServer {
  /** `http://127.0.0.1:port`; KV of version 2 is at `secret/`. */
  readonly url: string
  readonly rootToken: string
  /** Writes a new version. */
  put(path: string, values: Readonly<Record<string, unknown>>): Promise<void>
  close(): Promise<void>
}

const findProgram = (): string | undefined =>
  ['bao', 'vault'].find((program) => spawnSync(program, ['version']).status === 0)

/** For `describe.skipIf`. */
export const isVaultMissing = (): boolean =>
  skipUnless(findProgram() !== undefined, 'there is no bao and no vault here')

export async function startVaultServer(): Promise<VaultServer> {
  // It keeps its token and its settings in the home directory, which must not be the developer's.
  const home = createTemporaryDirectory()
  const rootToken = `root-${randomBytes(16).toString('hex')}`
  const address = `127.0.0.1:${await findPort()}`
  const child = spawn(
    findProgram() ?? 'vault',
    ['server', '-dev', `-dev-root-token-id=${rootToken}`, `-dev-listen-address=${address}`],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: process.env['PATH'], HOME: home.path },
    },
  )
  const ended = once(child, 'close')
  const close = async () => {
    child.kill('SIGKILL')
    await ended
    home.remove()
  }
  if (!(await says(createInterface({ input: child.stdout }), 'Root Token:'))) {
    await close()
    throw new Error('the server ended before it was ready')
  }
  child.stdout.resume()
  const url = `http://${address}`
  return {
    ...{ url, rootToken, close },
    async put(path, data) {
      const answer = await fetch(`${url}/v1/secret/data/${path}`, {
        method: 'POST',
        headers: { 'x-vault-token': rootToken, 'content-type': 'application/json' },
        body: JSON.stringify({ data }),
      })
      if (!answer.ok) throw new Error(`writing ${path} was answered with ${answer.status}`)
    },
  }
}

/** The server prints its token when it is unsealed and the engines are mounted. */
async function says(lines: AsyncIterable<string>, words: string): Promise<boolean> {
  for await (const line of lines) if (line.includes(words)) return true
  return false
}

/** It does not say which port it took, so it is given one that is free. */
async function findPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  server.close()
  await once(server, 'close')
  return port
}
