/** Ports for listeners whose number must be written down before they open. */

import { createServer, type AddressInfo } from 'node:net'

/** Different ports that were free a moment ago: all are held until the last one is chosen. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, holdPort))
  return await Promise.all(
    servers.map(async (server) => {
      const { port } = server.address() as AddressInfo
      await new Promise((resolve) => server.close(resolve))
      return port
    }),
  )
}

async function holdPort() {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
