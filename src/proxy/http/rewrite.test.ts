import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aCatalog, aService } from '../../../test/support/services.ts'
import { ok } from '../../base/result.ts'
import type { ServiceHost } from '../../catalog/service.ts'
import { rewriteUrls } from './rewrite.ts'
import type { DoorAddress } from './rewrite.ts'

const aHost = (name: string, overrides: Partial<ServiceHost> = {}): ServiceHost => ({
  name,
  role: 'api',
  basePath: undefined,
  auth: 'inject',
  ...overrides,
})

const service = aService(
  'demo',
  { read: 'read' },
  {
    hosts: [
      aHost('api.demo.example'),
      aHost('files.demo.example', { role: 'upload' }),
      aHost('cdn.demo.example', { auth: 'none' }),
      aHost('*.tenant.example'),
    ],
  },
)

/** The host that a path alone leads to: uploads go to their own. */
const resolveHost: DoorAddress['catalog']['resolveHost'] = (_service, { target }) =>
  ok(target?.path.startsWith('/upload') === true ? 'files.demo.example' : 'api.demo.example')

const door = (overrides: Partial<DoorAddress> = {}): DoorAddress => ({
  catalog: { ...aCatalog([service]), resolveHost },
  service,
  origin: 'http://localhost:8900',
  prefix: '/demo',
  host: 'api.demo.example',
  dialledAuthority: undefined,
  ...overrides,
})

const location = (url: string, overrides?: Partial<DoorAddress>) =>
  rewriteUrls('location', url, door(overrides))

describe('rewriteUrls', () => {
  it.each([
    ['https://api.demo.example/v1/x?y=%2F#z', 'http://localhost:8900/demo/v1/x?y=%2F#z'],
    ['https://API.demo.example:443/v1', 'http://localhost:8900/demo/v1'],
    ['http://api.demo.example/v1', 'http://localhost:8900/demo/v1'],
    ['//api.demo.example/v1', 'http://localhost:8900/demo/v1'],
    ['https://api.demo.example', 'http://localhost:8900/demo/'],
    ['https://api.demo.example?x=1', 'http://localhost:8900/demo/?x=1'],
    ['https://files.demo.example/upload/1', 'http://localhost:8900/demo/upload/1'],
    ['https://files.demo.example/other', 'http://localhost:8900/demo/~files.demo.example/other'],
    ['https://a.tenant.example/v1', 'http://localhost:8900/demo/~a.tenant.example/v1'],
  ])('turns %s back', (url, expected) => {
    expect(location(url)).toBe(expected)
  })

  it.each([
    'https://cdn.demo.example/x',
    'https://other.example/x',
    'https://api.demo.example.evil.example/x',
    'https://user:pass@api.demo.example/x',
    'https://api.demo.example:8443/x',
    '/relative/path',
    '?only=query',
    'mailto:a@api.demo.example',
    '',
  ])('leaves %s alone', (url) => {
    expect(location(url)).toBe(url)
  })

  it('knows the dialled address for the host that was judged', () => {
    const overrides = { dialledAuthority: '127.0.0.1:9443', prefix: '' }
    expect(location('https://127.0.0.1:9443/v1', overrides)).toBe('http://localhost:8900/v1')
    expect(location('https://127.0.0.1:9444/v1', overrides)).toBe('https://127.0.0.1:9444/v1')
  })

  it('turns each URL of a Link and keeps what is around it', () => {
    const value =
      '<https://api.demo.example/a>; rel="next"; x="<", <https://other.example/b>; rel=last'
    expect(rewriteUrls('link', value, door())).toBe(
      '<http://localhost:8900/demo/a>; rel="next"; x="<", <https://other.example/b>; rel=last',
    )
  })

  it('never throws on noise, and only ever changes what points at us', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (noise) => {
        expect(location(noise)).toBe(noise)
        rewriteUrls('link', `<https://api.demo.example${noise}>; <${noise}`, door())
      }),
    )
  })
})
