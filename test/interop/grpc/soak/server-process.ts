// The server that the soak loads, in a process of its own with --expose-gc:
// server-process.ts <certificate> <key>
import { setTimeout as delay } from 'node:timers/promises'
import { startEchoServer } from '../echo-server.ts'
import type { ServerReady, ServerState } from './server-report.ts'

const [cert = '', key = ''] = process.argv.slice(2)
const { gc } = globalThis
if (gc === undefined) throw new Error('the soak measures what is reachable: node --expose-gc')

// Short, so that each takes effect many times; a healthy client on a busy machine keeps them all the same.
const { server, plainPort, tlsPort } = await startEchoServer(
  { cert, key },
  {
    handshakeTimeoutMs: 3_000,
    headersTimeoutMs: 3_000,
    stalledWriteTimeoutMs: 10_000,
    keepaliveTimeMs: 4_000,
    keepaliveTimeoutMs: 6_000,
  },
)

async function state(): Promise<ServerState> {
  // What the first collection has finalized is gone after the second one.
  for (let n = 0; n < 2; n++) {
    gc?.()
    await delay(1)
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return { residentBytes: rss, heapBytes: heapUsed + external, ...server.stats() }
}

process.on('message', () => void state().then((report) => process.send?.(report)))
process.on('disconnect', () => process.exit(0))
process.send?.({ plainPort, tlsPort } satisfies ServerReady)
