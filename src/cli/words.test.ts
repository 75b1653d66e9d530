import { describe, expect, it } from 'vitest'
import { loadCatalog } from '../catalog-files.ts'
import { sdkLine, variablesFor } from './clients.ts'
import { formatDistance, formatMoment, parseMoment } from './moments.ts'
import { formatTable, plain } from './table.ts'
import { aTerminal } from './terminal.testing.ts'

const NOW = Date.UTC(2026, 10, 20, 12)

describe('a moment', () => {
  it.each([
    ['2h', NOW - 7_200_000],
    ['7d', NOW - 604_800_000],
    ['2026-11-20', Date.UTC(2026, 10, 20)],
    ['2026-11-20T10:00:00Z', Date.UTC(2026, 10, 20, 10)],
    ['2026-11-20T10:00:00+02:00', Date.UTC(2026, 10, 20, 8)],
  ])('%s is read', (text, at) => {
    expect(parseMoment('--since', text, NOW)).toBe(at)
  })

  it.each(['yesterday', '2026', '2h ago', '', '2026-13-45'])('%j is none', (text) => {
    expect(() => parseMoment('--since', text, NOW)).toThrow('--since takes')
  })

  it.each([
    [NOW + 14_399_000, 'in 3h59m'],
    [NOW - 90_061_000, '1d1h ago'],
    [NOW + 125_000, 'in 2m'],
    [NOW, '0s ago'],
  ])('%i is told as a distance', (at, text) => {
    expect(formatDistance(at, NOW)).toBe(text)
  })

  it('is printed with its zone', () => {
    expect(formatMoment(NOW)).toBe('2026-11-20 12:00:00Z')
  })
})

describe('a table', () => {
  it('is aligned', () => {
    const text = formatTable(
      aTerminal(),
      ['id', 'agent'],
      [
        ['a', 'long-name'],
        ['bcd', undefined],
      ],
    )
    expect(text).toBe('id   agent\na    long-name\nbcd')
  })

  it.each(['a\u001B[2Jb', 'a\nb', 'a\u202Eb', 'a\u2028b', 'a\rb'])(
    'keeps %j on one harmless line',
    (text) => {
      expect(plain(text)).toMatch(/^a ?b$/)
    },
  )
})

describe('pointing SDKs here', async () => {
  const { services } = await loadCatalog({ configDirectory: undefined, settings: new Map() })
  const pointing = { proxy: 'http://localhost:8900', token: 'pt_live_x' }
  const named = (...ids: string[]) => ids.flatMap((id) => services.get(id) ?? [])

  it('names the variables of the token’s services, filled in', () => {
    const variables = variablesFor(named('openai', 'slack'), pointing)
    expect(variables.map(({ name, value }) => `${name}=${value}`)).toEqual(
      expect.arrayContaining([
        'PROXY_URL=http://localhost:8900',
        'PHANTOM_TOKEN=pt_live_x',
        'OPENAI_BASE_URL=http://localhost:8900/openai/v1',
        'OPENAI_API_KEY=pt_live_x',
        'SLACK_BOT_TOKEN=pt_live_x',
      ]),
    )
  })

  it('names the key pair for SDKs that sign, where there is one', () => {
    const keyPair = { accessKeyId: 'AKIAPTx', secretAccessKey: 'abc/+' }
    const text = (variables: readonly { name: string; value: string }[]) =>
      variables.map(({ name, value }) => `${name}=${value}`)
    expect(text(variablesFor(named('aws'), { ...pointing, keyPair }))).toEqual([
      'PROXY_URL=http://localhost:8900',
      'PHANTOM_TOKEN=pt_live_x',
      'AWS_ACCESS_KEY_ID=AKIAPTx',
      'AWS_SECRET_ACCESS_KEY=abc/+',
      'AWS_ENDPOINT_URL=http://localhost:8900/aws',
    ])
    expect(text(variablesFor(named('aws'), pointing))).toEqual([
      'PROXY_URL=http://localhost:8900',
      'PHANTOM_TOKEN=pt_live_x',
      'AWS_ENDPOINT_URL=http://localhost:8900/aws',
    ])
  })

  it('leaves out what it cannot fill in, for every service', () => {
    for (const { value } of variablesFor([...services.values()], pointing))
      expect(value).toMatch(/^[^{}\s]+$/)
  })

  it('writes the line that makes an SDK use the proxy', () => {
    expect(named('stripe').map((service) => sdkLine(service, pointing))).toEqual([
      'new Stripe(process.env.PHANTOM_TOKEN, {host: "localhost", port: 8900, protocol: "http"})',
    ])
    for (const service of services.values())
      expect(sdkLine(service, pointing) ?? '').not.toContain('proxy.internal')
  })
})
