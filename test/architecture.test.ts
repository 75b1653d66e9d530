import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

/** The layers in code. CONTRIBUTING.md explains them; a file that breaks one fails here by name. */

const PURE = [
  ...['base', 'token', 'policy', 'catalog', 'secret', 'injection', 'scrub', 'audit', 'insight'],
]
const COMMAND_LINE = [
  'sdk',
  'base',
  'secret',
  'catalog',
  'audit',
  'config',
  'state-dir',
  'catalog-files',
  'audit-files',
  'anchor',
]

/** Which part may import which, itself included without saying. Absent means forbidden. */
const ALLOWED: Record<string, readonly string[]> = {
  base: [],
  token: ['base'],
  catalog: ['base'],
  secret: ['base'],
  policy: ['base', 'catalog'],
  injection: ['base', 'catalog', 'secret'],
  scrub: ['base', 'secret'],
  audit: ['base', 'policy'],
  insight: ['base', 'audit', 'policy', 'catalog'],
  network: ['base'],
  storage: PURE,
  'secret-stores': PURE,
  proxy: PURE,
  fleet: PURE,
  api: PURE,
  jobs: PURE,
  config: ['base', 'catalog', 'policy', 'secret', 'insight'],
  'state-dir': ['base', 'secret', 'token'],
  'catalog-files': ['base', 'catalog', 'injection', 'network'],
  'audit-files': ['base', 'audit', 'storage'],
  anchor: ['base', 'audit', 'secret', 'injection', 'network', 'jobs', 'state-dir'],
  cli: COMMAND_LINE,
  main: [
    ...PURE,
    'network',
    'storage',
    'secret-stores',
    'proxy',
    'fleet',
    'jobs',
    'api',
    'config',
    'state-dir',
    'catalog-files',
  ],
}

/** Inside the data plane: http -> exchange, wire and upstream; each of the sockets' sides -> http1. */
const ALLOWED_IN_PROXY: Record<string, readonly string[]> = {
  http1: [],
  wire: ['http1', 'limits'],
  upstream: ['http1'],
  http: ['wire', 'http1', 'exchange', 'admission', 'recognise', 'upstream', 'body-budget'],
  'body-budget': [],
  throttle: [],
  'grant-cache': [],
  'last-used': [],
  unrecorded: [],
  limits: ['throttle', 'upstream'],
  recognise: ['grant-cache', 'throttle'],
  admission: ['recognise'],
  bindings: ['admission', 'recognise'],
  exchange: ['admission', 'bindings', 'last-used', 'recognise', 'unrecorded'],
}

/** Connects the parts of the data plane, as main.ts does those of the whole. */
const DATA_PLANE = 'proxy/data-plane.ts'

const ROOT = join(import.meta.dirname, '..')
const SOURCE = join(ROOT, 'src')
const IMPORT = /(?:from|import)\s*\(?\s*'([^']+)'/g

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.endsWith('.testing.ts'),
)

const partOf = (file: string) => (file.split('/')[0] ?? '').replace(/\.ts$/, '')

function importsOf(file: string): string[] {
  const text = readFileSync(join(SOURCE, file), 'utf8')
  return [...text.matchAll(IMPORT)].map((found) => found[1] ?? '')
}

/** The imported file, relative to src/, or the package `sdk`; undefined for a library. */
function targetOf(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const target = relative(SOURCE, join(SOURCE, dirname(file), specifier))
  return target.startsWith('../sdk/') ? 'sdk' : target
}

/** A part of the data plane that the table does not name may import none of the others. */
function mayImportInProxy(file: string, target: string): boolean {
  const [from = '', to = ''] = [file, target].map((path) => partOf(path.slice('proxy/'.length)))
  return from === to || (ALLOWED_IN_PROXY[from] ?? []).includes(to)
}

describe('the layers', () => {
  it.each(files)('%s imports only what its part may', (file) => {
    const part = partOf(file)
    const allowed = new Set([part, ...(ALLOWED[part] ?? [])])
    // The second tries what the server will do, before there is one.
    if (['cli/serve.ts', 'cli/init-stores.ts'].includes(file)) allowed.add('main')
    for (const specifier of importsOf(file)) {
      const target = targetOf(file, specifier)
      if (target !== undefined) expect(allowed, `${file} -> ${target}`).toContain(partOf(target))
    }
  })

  it('keeps sockets, files and processes out of the pure middle', () => {
    const edges =
      /^node:(net|tls|fs|fs\/promises|http|https|dns|child_process|worker_threads|os|process|sqlite)$/
    const offenders = files
      .filter((file) => PURE.includes(partOf(file)))
      .flatMap((file) => importsOf(file).map((specifier) => `${file} -> ${specifier}`))
      .filter((line) => edges.test(line.split(' -> ')[1] ?? ''))
    // A type-only import of Socket is what `Dial` is made of.
    expect(offenders.filter((line) => line !== 'base/dial.ts -> node:net')).toEqual([])
  })

  const inProxy = files.filter((file) => file.startsWith('proxy/') && file !== DATA_PLANE)

  it.each(inProxy)('%s imports only what its part of the data plane may', (file) => {
    for (const specifier of importsOf(file)) {
      const target = targetOf(file, specifier)
      if (target?.startsWith('proxy/') !== true) continue
      expect(mayImportInProxy(file, target), `${file} -> ${target}`).toBe(true)
    }
  })

  it.each([
    ['proxy/http1/fields.ts', 'proxy/wire/message.ts'],
    ['proxy/http1/chunked.ts', 'proxy/limits.ts'],
    ['proxy/wire/server.ts', 'proxy/http/request.ts'],
    ['proxy/wire/server.ts', 'proxy/upstream/upstream.ts'],
    ['proxy/upstream/call.ts', 'proxy/wire/message.ts'],
    ['proxy/exchange.ts', 'proxy/http/access.ts'],
    ['proxy/http/forward.ts', 'proxy/data-plane.ts'],
    ['proxy/unheard-of/part.ts', 'proxy/http1/fields.ts'],
  ])('lets not %s import %s', (file, target) => {
    expect(mayImportInProxy(file, target)).toBe(false)
  })

  it('has no import cycle', () => {
    const graph = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .flatMap((specifier) => targetOf(file, specifier) ?? [])
          .filter((target) => target !== 'sdk'),
      ]),
    )
    const state = new Map<string, 'open' | 'done'>()
    const visit = (file: string, trail: readonly string[]): void => {
      if (state.get(file) === 'done') return
      expect(state.get(file), `cycle: ${[...trail, file].join(' -> ')}`).toBeUndefined()
      state.set(file, 'open')
      for (const next of graph.get(file) ?? []) visit(next, [...trail, file])
      state.set(file, 'done')
    }
    for (const file of files) visit(file, [])
  })
})

describe('secrets', () => {
  it('are revealed only where they are stored, injected or looked for', () => {
    const revealing = files.filter((file) =>
      readFileSync(join(SOURCE, file), 'utf8').includes('.reveal('),
    )
    for (const file of revealing)
      expect(['secret', 'secret-stores', 'injection', 'scrub']).toContain(partOf(file))
  })
})

describe('the sdk', () => {
  it('never imports the server and has no dependencies', () => {
    const sdk = join(ROOT, 'sdk')
    const { dependencies = {} } = JSON.parse(readFileSync(join(sdk, 'package.json'), 'utf8')) as {
      dependencies?: object
    }
    expect(Object.keys(dependencies)).toEqual([])
    for (const file of readdirSync(join(sdk, 'src'), { encoding: 'utf8' })) {
      expect(readFileSync(join(sdk, 'src', file), 'utf8')).not.toMatch(
        /from '(\.\.\/\.\.\/src|undici|zod)/,
      )
    }
  })
})
