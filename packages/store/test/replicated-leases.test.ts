import type { NodeProposal, RaftNode } from '@orrery/raft-node'
import { StoreError } from '@orrery/store'
import { expect, test } from 'vitest'
import { ReplicatedLeases } from '../src/cluster/replicated-leases.ts'
import type { LeaseKeeper } from '../src/lease-keeper.ts'
import { nextTurns, stillEnvironment } from './support.ts'

test('a renewal that leadership overtakes is asked for again, at whoever leads then', async () => {
  const { clock } = stillEnvironment()
  let attempts = 0
  const node = { status: () => ({ role: 'leader' }), readBarrier: () => Promise.resolve() }
  const keeper = {
    keepAlive: () =>
      ++attempts === 1
        ? Promise.reject(new StoreError('STORE_LEADER_CHANGED', 'this member does not lead any more'))
        : Promise.resolve({ ttlMs: 5_000 }),
  }
  const leases = new ReplicatedLeases({
    node: node as unknown as RaftNode<NodeProposal>,
    keeper: () => keeper as unknown as LeaseKeeper,
    clock,
    requestTimeoutMs: 1_000,
  })
  const renewing = leases.keepAlive(7n)
  // What fails here is seen below.
  renewing.catch(() => {})
  await nextTurns()
  clock.advance(100)
  expect(await renewing).toEqual({ ttlMs: 5_000 })
  expect(attempts).toBe(2)
})
