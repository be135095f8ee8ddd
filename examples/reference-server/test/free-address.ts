import { freePorts } from '../../../test/free-ports.ts'
import type { HostAndPort } from '../src/probe-port.ts'

/** Where nobody listens, nor will until the test does. */
export async function freeAddress(): Promise<HostAndPort> {
  const [port = 0] = await freePorts(1)
  return { host: '127.0.0.1', port }
}
