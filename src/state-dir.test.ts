import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createStateDirectory,
  locateStateDirectory,
  openStateDirectory,
  stateDirectoryAt,
  type StateDirectory,
} from './state-dir.ts'
import { replaceFile, writeOnce } from './state-dir/durable-file.ts'
import { putInInbox, readInbox, removeFromInbox } from './state-dir/inbox.ts'
import {
  createKeys,
  readLocalOperator,
  readSealerKey,
  readServerKeys,
} from './state-dir/key-files.ts'
import { readRun, removeRun, writeRun } from './state-dir/run-file.ts'
import { formatSigningKey, generateSigningKey } from './token/keys.ts'

let folder = ''
let state: StateDirectory
beforeEach(() => {
  folder = mkdtempSync(join(realpathSync(tmpdir()), 'state-'))
  state = stateDirectoryAt(join(folder, 'deep', 'state'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)
const wishes = { environment: 'production', operator: 'alice' }
const snapshot = () =>
  Object.fromEntries(
    readdirSync(state.keys).map((name) => [name, readFileSync(join(state.keys, name), 'utf8')]),
  )

describe('where the state directory is', () => {
  const place = {
    configured: 'auto',
    configPath: '/home/alice/shop/apistronghold.yaml',
    environment: 'production',
    env: { HOME: '/home/alice' },
    uid: 1000,
  }
  const id = createHash('sha256').update(place.configPath).digest('hex').slice(0, 8)

  it.each([
    ['below the home', {}, `/home/alice/.local/state/apistronghold/shop-${id}/production`],
    [
      'below the state home',
      { env: { XDG_STATE_HOME: '/var/me' } },
      `/var/me/apistronghold/shop-${id}/production`,
    ],
    [
      'below the home when the state home is relative',
      { env: { HOME: '/home/alice', XDG_STATE_HOME: 'me' } },
      `/home/alice/.local/state/apistronghold/shop-${id}/production`,
    ],
    ['in /var/lib for root', { uid: 0 }, '/var/lib/apistronghold/production'],
    ['where somebody chose', { configured: '/srv/state', uid: 0 }, '/srv/state'],
  ])('is %s', (_case, change, path) => {
    expect(locateStateDirectory({ ...place, ...change }).path).toBe(path)
  })

  it('is never inside a git work tree, unless somebody chose that', () => {
    mkdirSync(join(folder, '.git'))
    const inside = { ...place, env: { XDG_STATE_HOME: join(folder, 'home', 'state') } }
    expect(() => locateStateDirectory(inside)).toThrow(/git work tree .* --state-dir/)
    expect(locateStateDirectory({ ...inside, configured: state.path }).path).toBe(state.path)
  })
})

describe('AD-05 the state directory', () => {
  it.each([0o000, 0o022, 0o077, 0o777])('is private under umask %i', (umask) => {
    const before = process.umask(umask)
    try {
      createStateDirectory(state, 'production')
      writeOnce(join(state.keys, 'grant-mac'), 'text')
      replaceFile(join(state.run, 'serve.json'), 'text')
    } finally {
      process.umask(before)
    }
    expect(modeOf(state.path)).toBe('700')
    expect(modeOf(join(folder, 'deep'))).toBe('700')
    for (const name of ['keys', 'audit', 'run', 'logs', 'inbox', 'vault'])
      expect(modeOf(join(state.path, name))).toBe('700')
    for (const name of ['keys/grant-mac', 'run/serve.json', 'environment'])
      expect(modeOf(join(state.path, name))).toBe('600')
  })

  it.each([
    ['a directory that others may enter', () => state.path, 0o711, '700'],
    ['a directory that the group may enter', () => state.keys, 0o750, '700'],
    ['a key that others may read', () => join(state.keys, 'vault.key'), 0o644, '600'],
    ['a database that the group may read', () => state.database, 0o640, '600'],
    ['an envelope that others may write', () => join(state.inbox, 'a.json'), 0o602, '600'],
  ])('is refused with %s, naming the chmod', (_case, path, ...[mode, wanted]) => {
    createStateDirectory(state, 'production')
    for (const file of [join(state.keys, 'vault.key'), state.database, join(state.inbox, 'a.json')])
      writeFileSync(file, '', { mode: 0o600 })
    openStateDirectory(state, 'production')
    chmodSync(path(), mode)
    const message = `${path()} is open to other users (mode 0${mode.toString(8)}): run chmod ${wanted} ${path()}`
    expect(() => {
      openStateDirectory(state, 'production')
    }).toThrow(message)
  })

  it('is refused when it, a folder or a key is a symbolic link', () => {
    createStateDirectory(state, 'production')
    const link = join(folder, 'link')
    symlinkSync(state.path, link)
    const open = (path: string) => () => {
      openStateDirectory(stateDirectoryAt(path), 'production')
    }
    expect(open(link)).toThrow('symbolic link')
    writeFileSync(join(folder, 'elsewhere'), '', { mode: 0o600 })
    symlinkSync(join(folder, 'elsewhere'), join(state.keys, 'vault.key'))
    expect(open(state.path)).toThrow('symbolic link')
  })

  it.skipIf(process.geteuid?.() !== 0)("is refused when it is somebody else's", () => {
    createStateDirectory(state, 'production')
    chownSync(state.keys, 65534, 65534)
    expect(() => {
      openStateDirectory(state, 'production')
    }).toThrow('belongs to user 65534, not to user 0')
  })

  it('serves one environment only', () => {
    createStateDirectory(state, 'production')
    expect(() => {
      createStateDirectory(state, 'staging')
    }).toThrow('belongs to the environment production')
  })

  it('says what to do when it was never made', () => {
    expect(() => {
      openStateDirectory(state, 'production')
    }).toThrow('run `apistronghold init --env production`')
  })
})

describe('key files', () => {
  beforeEach(() => {
    createStateDirectory(state, 'production')
  })

  it('are made once and never overwritten', async () => {
    expect(await createKeys(state, wishes)).toHaveLength(7)
    const first = snapshot()
    expect(await createKeys(state, { ...wishes, operator: 'mallory' })).toEqual([])
    expect(snapshot()).toEqual(first)
  })

  it.each(['grant-mac', 'vault.key'])('are not made anew beside a database: %s', async (lost) => {
    await createKeys(state, wishes)
    writeFileSync(state.database, '', { mode: 0o600 })
    unlinkSync(join(state.keys, lost))
    await expect(createKeys(state, wishes)).rejects.toThrow(/restore it from a backup/)
    await expect(readServerKeys(state)).rejects.toThrow(/restore it from a backup/)
  })

  it('read back', async () => {
    await createKeys(state, wishes)
    const keys = await readServerKeys(state)
    expect(keys.grantMac).toHaveLength(32)
    expect(keys.tokenSigning.asymmetricKeyType).toBe('ed25519')
    expect(keys.vault.recipient).toMatch(/^age1/)
    expect(readSealerKey(state).type).toBe('private')
    expect(readLocalOperator(state)).toMatchObject({
      name: 'alice',
      key: expect.stringMatching(/^ok_live_/) as string,
    })
  })

  it('are sound after an interruption anywhere, and then complete', async () => {
    await createKeys(state, wishes)
    const whole = snapshot()
    const names = Object.keys(whole)
    for (const missing of names) {
      unlinkSync(join(state.keys, missing))
      writeFileSync(join(state.keys, `.${missing}.999999999.0123456789ab.new`), 'torn', {
        mode: 0o600,
      })
      createStateDirectory(state, 'production')
      expect(await createKeys(state, wishes)).toEqual([missing])
      expect(readdirSync(state.keys).sort()).toEqual([...names].sort())
    }
  })

  it('take an imported signing key, once', async () => {
    const pem = formatSigningKey(generateSigningKey())
    await createKeys(state, { ...wishes, signingKey: pem })
    expect((await readServerKeys(state)).tokenSigning.export({ format: 'jwk' })).toEqual(
      (await import('node:crypto')).createPrivateKey(pem).export({ format: 'jwk' }),
    )
    await createKeys(state, { ...wishes, signingKey: pem })
    const other = formatSigningKey(generateSigningKey())
    await expect(createKeys(state, { ...wishes, signingKey: other })).rejects.toThrow(
      'never overwritten',
    )
    await expect(createKeys(state, { ...wishes, signingKey: 'text' })).rejects.toThrow('Ed25519')
  })

  it('are refused when damaged, without showing what they hold', async () => {
    await createKeys(state, wishes)
    writeFileSync(join(state.keys, 'grant-mac'), 'torn-secret-text')
    await expect(readServerKeys(state)).rejects.toThrow(/grant-mac is damaged/)
    unlinkSync(join(state.keys, 'grant-mac'))
    await expect(readServerKeys(state)).rejects.toThrow(/grant-mac is missing: run/)
  })

  it('are not read through a link or when open to others', async () => {
    await createKeys(state, wishes)
    const key = join(state.keys, 'sealer.key')
    chmodSync(key, 0o640)
    expect(() => readSealerKey(state)).toThrow('chmod 600')
    chmodSync(key, 0o600)
    linkSync(key, join(folder, 'moved'))
    unlinkSync(key)
    symlinkSync(join(folder, 'moved'), key)
    expect(() => readSealerKey(state)).toThrow('symbolic link')
  })
})

describe('the run file', () => {
  const run = {
    pid: process.pid,
    data: 'http://127.0.0.1:8900',
    control: 'http://127.0.0.1:8901',
    services: { stripe: 'http://127.0.0.1:8910' },
    environment: 'production',
    startedAt: 1,
  }
  beforeEach(() => {
    createStateDirectory(state, 'production')
  })

  it('reads back, and goes with its own process only', () => {
    expect(readRun(state)).toBeUndefined()
    writeRun(state, run)
    expect(readRun(state)).toEqual(run)
    removeRun(state, run.pid + 1)
    expect(readRun(state)).toEqual(run)
    removeRun(state, run.pid)
    expect(readRun(state)).toBeUndefined()
  })

  it.each(['', '{', '{"pid": "1"}', '[]'])('says nothing when it holds %j', (text) => {
    replaceFile(state.runFile, text)
    expect(readRun(state)).toBeUndefined()
  })

  it('is not written through a symbolic link', () => {
    symlinkSync(join(folder, 'victim'), state.runFile)
    expect(() => {
      writeRun(state, run)
    }).toThrow('symbolic link')
  })
})

it('the inbox keeps the first envelope of a name until it is taken in', () => {
  createStateDirectory(state, 'production')
  expect(putInInbox(state, { name: 'stripe', envelope: 'first' })).toBe(true)
  expect(putInInbox(state, { name: 'stripe', envelope: 'second' })).toBe(false)
  expect(readInbox(state)).toEqual([{ name: 'stripe', envelope: 'first' }])
  removeFromInbox(state, 'stripe')
  expect(readInbox(state)).toEqual([])
})
