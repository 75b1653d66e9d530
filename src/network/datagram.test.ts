import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { createSendDatagram } from './datagram.ts'

async function listen() {
  const socket = createSocket('udp4')
  onTestFinished(() => {
    socket.close()
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { port: socket.address().port, message: once(socket, 'message') }
}

const target = { hostname: 'logs.example', connectTimeoutMs: 2000 }

it('sends a datagram to an address that may be reached', async () => {
  const { port, message } = await listen()
  const send = createSendDatagram({ lookup: async () => [{ address: '127.0.0.1' }] })
  await send({ ...target, port, allowPrivateAddress: true }, Buffer.from('hello'))
  expect(String((await message)[0])).toBe('hello')
})

it.each([
  { where: 'a private one without permission', addresses: ['10.0.0.1'], allow: false },
  { where: 'one that hands out credentials', addresses: ['169.254.169.254'] },
  { where: 'a good one beside a bad one', addresses: ['127.0.0.1', '169.254.169.254'] },
  { where: 'a public one, in clear', addresses: ['8.8.8.8'], code: 'upstream_tls_invalid' },
  { where: 'none', addresses: [], code: 'upstream_unreachable' },
])('CE-08 sends nothing to $where', async (row) => {
  const { addresses, allow: allowPrivateAddress = true, code = 'address_forbidden' } = row
  const send = createSendDatagram({ lookup: async () => addresses.map((address) => ({ address })) })
  const sending = send({ ...target, port: 9, allowPrivateAddress }, Buffer.from('hello'))
  await expect(sending).rejects.toMatchObject({ code })
})

it('gives up on a name that does not resolve in time', async () => {
  const send = createSendDatagram({ lookup: () => new Promise(() => undefined) })
  const sending = send({ ...target, port: 9, connectTimeoutMs: 20 }, Buffer.from('hello'))
  await expect(sending).rejects.toMatchObject({ code: 'upstream_unreachable' })
})
