/** Many agents, many credentials, all at once: each request leaves with its own service's and no other. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { openService } from '../support/open-service.ts'
import { exchangeRaw, requestText } from '../support/raw-http.ts'

const CREDENTIALS = 50
const AGENTS = 200
const ROUNDS = 5

const idOf = (index: number) => `drill${index % CREDENTIALS}`
const keyOf = (id: string) => `key-of-${id}-0123456789abcdef`

let plane: TestPlane

beforeAll(async () => {
  const ids = Array.from({ length: CREDENTIALS }, (_, index) => idOf(index))
  plane = await startPlane({
    services: ids,
    serviceFiles: Object.fromEntries(ids.map((id) => [`${id}.yaml`, openService(id)])),
  })
  for (const id of ids) plane.credentials.set(id, { secret: keyOf(id) })
})

afterAll(() => plane.stop())

describe('CE-14 the credentials of many services, used by many agents at once', () => {
  it('are never mixed up, neither on their way out nor by what comes back', async () => {
    // Each answer shows its request's service and key; only its own key may be taken out of it.
    plane.upstream.respond((request) => ({
      body: { target: request.target, key: request.header('authorization') },
    }))
    const agents = Array.from({ length: AGENTS }, (_, index) => ({
      services: [idOf(index), idOf(index * 7 + 3)],
      token: plane.issue({
        agent: `agent-${index}`,
        scope: `${idOf(index)}:all,${idOf(index * 7 + 3)}:all`,
      }),
    }))
    for (let round = 0; round < ROUNDS; round += 1)
      await Promise.all(
        agents.map(async ({ services, token }, index) => {
          const id = services[(index + round) % 2] ?? ''
          const headers = ['Host: localhost', `Authorization: Bearer ${token}`, 'Connection: close']
          const line = `GET /${id}/of/${id}/${index}/${round}`
          const { status, body } = await exchangeRaw(plane.port, requestText(line, headers))
          const shown = `Bearer ${'*'.repeat(keyOf(id).length)}`
          expect([status, JSON.parse(body)]).toEqual([
            200,
            { target: `/of/${id}/${index}/${round}`, key: shown },
          ])
        }),
      )
    expect(plane.upstream.requests).toHaveLength(AGENTS * ROUNDS)
    const servicesOf = new Map<number, Set<string>>()
    for (const request of plane.upstream.requests) {
      const { target, connection } = request
      const [, , id = ''] = target.split('/')
      expect(request.header('authorization')).toBe(`Bearer ${keyOf(id)}`)
      servicesOf.set(connection, (servicesOf.get(connection) ?? new Set()).add(id))
    }
    for (const services of servicesOf.values()) expect(services.size).toBe(1)
  })
})
