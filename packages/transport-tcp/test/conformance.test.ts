import { setTimeout as sleep } from 'node:timers/promises'
import { systemEnvironment } from '@orrery/environment/system'
import { transportConformance } from '@orrery/raft-node/testing'
import { describe, test } from 'vitest'
import { createTcpTransport } from '../src/index.ts'
import { Authority } from './certificates.ts'
import { host, listenAt } from './support.ts'

const environment = systemEnvironment()
const options = { reconnectMinMs: 5, reconnectMaxMs: 20 }

describe('over TCP', () => {
  test.each(transportConformance)('$name', async ({ run }) => {
    await run({
      create: (address) => createTcpTransport({ listen: listenAt(address), environment }, options),
      pass: (ms) => sleep(ms),
    })
  })
})

describe('over TLS', () => {
  const tls = new Authority('cluster').issue([host])

  test.each(transportConformance)('$name', async ({ run }) => {
    await run({
      create: (address) => createTcpTransport({ listen: listenAt(address), environment, tls }, options),
      pass: (ms) => sleep(ms),
    })
  })
})
