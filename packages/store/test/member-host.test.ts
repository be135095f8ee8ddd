import { expect, test } from 'vitest'
import { MemberHost } from '../src/cluster/member-host.ts'
import { createStoreBackend } from '../src/memory-store.ts'

test('a state that nobody begins to read, or reads to its end, holds no compaction up', async () => {
  let holds = 0
  const engine = {
    state: { mvcc: { revision: 1 }, appliedIndex: 5 },
    backend: createStoreBackend(),
    compactor: {
      hold: () => {
        holds++
        return () => holds--
      },
    },
    nextTurn: () => Promise.resolve(),
  }
  const host = new MemberHost({ states: {} as never, electionTimeoutMs: 1 })
  host.attach({ engine, log: {}, leases: {} } as never)
  const { index, content } = host.readState()
  expect([index, holds]).toEqual([5, 1])
  await content[Symbol.asyncIterator]().return?.()
  expect(holds).toBe(0)
  let bytes = 0
  for await (const chunk of host.readState().content) bytes += chunk.length
  expect(bytes).toBeGreaterThan(0)
  expect(holds).toBe(0)
})
