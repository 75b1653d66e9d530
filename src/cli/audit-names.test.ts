import { beforeEach, describe, expect, it } from 'vitest'
import { createClient } from '../../sdk/src/client.ts'
import { createTestApi, type TestApi } from '../../test/support/api.ts'
import { noteUnknownNames } from './audit-names.ts'
import type { Session } from './session.ts'
import { aTerminal } from './terminal.testing.ts'

let api: TestApi
beforeEach(async () => {
  api = await createTestApi()
  await api.issue()
})

/** What is noted of a question that this operator asks. */
async function notes(names: object, key = api.keys.admin): Promise<readonly string[]> {
  const terminal = aTerminal({})
  const fetch = async (url: string, init: RequestInit) =>
    api.app.request(
      url,
      { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), host: 'localhost' } },
      { source: '127.0.0.1' },
    )
  const client = createClient({ url: 'http://localhost:8901', key, fetch })
  await noteUnknownNames({ terminal } as unknown as Session, client, names)
  return terminal.noted
}

describe('a name in a question to the audit', () => {
  it.each([
    [
      { agent: 'order-procesing-agent' },
      'there is no agent order-procesing-agent: did you mean order-processing-agent?',
    ],
    [{ agent: 'somebody' }, 'there is no agent somebody'],
    [{ service: 'strpie' }, 'there is no service strpie: did you mean stripe?'],
    [{ scope: 'stripe:refnd' }, 'there is no scope stripe:refnd: did you mean stripe:refund?'],
    [{ scope: 'strpe:refund' }, 'there is no scope strpe:refund: did you mean stripe:refund?'],
  ])('%j that stands for nothing is said, with what is near', async (names, words) => {
    expect(await notes(names)).toEqual([words])
  })

  it('is not remarked on where it is known, or cannot be looked up', async () => {
    const known = { agent: 'order-processing-agent', service: 'stripe', scope: 'stripe:refund' }
    expect(await notes(known)).toEqual([])
    expect(await notes({ agent: 'nobody' }, api.keys.issuer)).toEqual([])
  })
})
