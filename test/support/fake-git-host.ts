/** A git server: git's own `http-backend` behind an upstream that asks for Basic credentials. */

import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Answer, RecordedRequest, Respond } from './upstream.ts'

/** Makes `<root>/acme/shop.git` with one commit, and lets anybody who gets in push to it. */
export function createBareRepository(root: string): string {
  const bare = join(root, 'acme', 'shop.git')
  mkdirSync(bare, { recursive: true })
  const git = (...args: readonly string[]) =>
    execFileSync('git', ['-C', bare, ...args], {
      encoding: 'utf8',
      env: gitEnvironment(root),
    }).trim()
  git('init', '--quiet', '--bare', '--initial-branch=main')
  git('config', 'http.receivepack', 'true')
  const emptyTree = git('hash-object', '-t', 'tree', '-w', '/dev/null')
  git('update-ref', 'refs/heads/main', git('commit-tree', emptyTree, '-m', 'first'))
  return bare
}

/** Nobody's settings, no prompts, no waiting. */
export function gitEnvironment(home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: 'Agent',
    GIT_AUTHOR_EMAIL: 'agent@example.com',
    GIT_COMMITTER_NAME: 'Agent',
    GIT_COMMITTER_EMAIL: 'agent@example.com',
  }
}

export function respondAsGitHost(key: string, root: string): Respond {
  const expected = `Basic ${Buffer.from(`x-access-token:${key}`).toString('base64')}`
  return async (request) => {
    if (request.header('authorization') !== expected) {
      return { status: 401, headers: { 'www-authenticate': 'Basic realm="GitHub"' } }
    }
    return await serveGit(request, root)
  }
}

/** One CGI call (RFC 3875). */
async function serveGit(request: RecordedRequest, root: string): Promise<Answer> {
  const [path = '', query = ''] = request.target.split('?')
  const backend = spawn('git', ['http-backend'], {
    env: {
      ...gitEnvironment(root),
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: request.header('git-protocol') ?? '',
      REQUEST_METHOD: request.method,
      PATH_INFO: path,
      QUERY_STRING: query,
      CONTENT_TYPE: request.header('content-type') ?? '',
      CONTENT_LENGTH: String(request.body.length),
      HTTP_CONTENT_ENCODING: request.header('content-encoding') ?? '',
      REMOTE_USER: 'x-access-token',
      REMOTE_ADDR: '127.0.0.1',
    },
  })
  backend.stdin.on('error', () => undefined)
  backend.stdin.end(request.body)
  return readCgi(await buffer(backend.stdout))
}

function readCgi(output: Buffer): Answer {
  const end = output.indexOf('\r\n\r\n')
  const headers: Record<string, string> = {}
  for (const line of output.toString('latin1', 0, end).split('\r\n')) {
    const colon = line.indexOf(':')
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  const { status = '200', ...rest } = headers
  return { status: parseInt(status, 10), headers: rest, body: output.subarray(end + 4) }
}
