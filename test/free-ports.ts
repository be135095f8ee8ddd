import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** Each worker of the test runner draws from ports of its own, and none twice: a server may bind its port seconds later. */
const portsMax = 2_000
const firstPort = 12_000 + portsMax * (Number(process.env['VITEST_POOL_ID'] ?? 0) % 10)
const given = new Set<number>()

/**
 * Ports that nobody listens on at the moment, below those from which the system takes one for each connection: what
 * was free is still so when a server gets there.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = firstPort + randomInt(portsMax)
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const listening = new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (!(await listening)) return false
  server.close()
  await once(server, 'close')
  return true
}
