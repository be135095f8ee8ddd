import { systemEnvironment } from '@orrery/environment/system'
import { heartbeatStoreConformance } from '@orrery/registry/testing'
import { describe, test } from 'vitest'
import { createRedisHeartbeatStore } from '../src/index.ts'
import { startRespServer } from './support/resp-server.ts'

// The real server is that of test/interop/redis: here it is one that is always at hand, and can be cut off.
describe.each([
  { name: 'many keys in a command', options: {} },
  {
    name: 'a key in a command, and little at once',
    options: { scriptMaxKeys: 1, batchMaxItems: 64, queueMaxItems: 8_192 },
  },
])('a heartbeat store in Redis: $name', ({ options }) => {
  test.each(heartbeatStoreConformance)('$name', async ({ run }) => {
    await using server = await startRespServer()
    const environment = systemEnvironment()
    await run({
      open: () =>
        Promise.resolve(
          createRedisHeartbeatStore(
            { redis: { host: '127.0.0.1', port: server.port }, environment },
            { ...options, commandTimeoutMs: 2_000, reconnectMinMs: 1, reconnectMaxMs: 10 },
          ),
        ),
      advance: (ms) => {
        server.nowMs += ms
        return Promise.resolve()
      },
      cut: () => server.stop(),
      restore: () => server.start(),
    })
  })
})
