import { randomInt } from 'node:crypto'
import { hasCode } from '@orrery/environment'
import { type HostAndPort, probePort } from '../src/probe-port.ts'

/** Each worker of the test runner draws from ports of its own, and none twice. */
const portsMax = 2_000
const firstPort = 12_000 + portsMax * (Number(process.env['VITEST_POOL_ID'] ?? 0) % 10)
const given = new Set<number>()

/**
 * Where nobody listens, at a port below those from which the system takes one for each connection: what was free is still so when a
 * server gets there.
 */
export async function freeAddress(): Promise<HostAndPort> {
  for (;;) {
    const port = firstPort + randomInt(portsMax)
    if (given.has(port)) continue
    given.add(port)
    try {
      return await probePort('listen-peer', { host: '127.0.0.1', port })
    } catch (error) {
      if (!hasCode(error, 'SERVER_LISTEN_FAILED')) throw error
    }
  }
}
