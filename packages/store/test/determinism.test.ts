import { CodedError, createRandom } from '@orrery/environment'
import { describe, expect, test } from 'vitest'
import type { Command } from '../src/command.ts'
import { decodeCommand } from '../src/command-decoder.ts'
import { CommandEncoder } from '../src/command-encoder.ts'
import { createStoreBackend } from '../src/memory-store.ts'
import type { StoreBackend } from '../src/ports.ts'
import { Refusal, StateMachine } from '../src/state-machine.ts'

const options = { leaseTtlMinMs: 1_000 }

function restored(backend: StoreBackend): StateMachine {
  const state = new StateMachine(backend, options)
  state.restore(0)
  while (state.mvcc.restoreStep(7));
  state.restored()
  return state
}

/** Everything there is, in a form that can be compared. */
function contentsOf(backend: StoreBackend): string[] {
  const lines: string[] = []
  backend.scan(0, 0, (main, sub, tombstone, record) => {
    lines.push(`${main}/${sub}${tombstone ? 't' : ''} ${Buffer.from(record).toString('hex')}`)
    return true
  })
  backend.scanMeta('', (name, value) => lines.push(`${name} ${Buffer.from(value).toString('hex')}`))
  return lines
}

function hashOf({ mvcc }: StateMachine): number {
  const hashing = mvcc.hashKv(0)
  while (hashing.step(1_000));
  return hashing.hash
}

/** Commands as a busy store sees them, the refused ones included. */
function commands(seed: number, count: number): Command[] {
  const random = createRandom(seed)
  const key = (): string => `k${random.below(12)}`
  const lease = (): bigint => BigInt(random.below(5)) - 2n
  const put = () => ({
    key: key(),
    value: Buffer.from(String(random.uint32())),
    lease: random.below(3) === 0 ? lease() : 0n,
    ignoreLease: random.below(8) === 0,
  })
  const one = (): Command => {
    switch (random.below(10)) {
      case 0:
        return { type: 'leaseGrant', id: lease(), ttlMs: random.below(100_000) }
      case 1:
        return { type: 'leaseRevoke', id: lease() }
      case 2:
        return { type: 'leaseRevokeKeys', id: lease(), keys: [key(), key()] }
      case 3:
        return { type: 'leaseCheckpoint', checkpoints: [{ id: lease(), remainingMs: random.below(9_000) }] }
      case 4:
        return { type: 'deleteRange', request: { key: key(), rangeEnd: key() } }
      case 5:
        return {
          type: 'txn',
          request: {
            compare: [{ key: key(), result: 'greater', target: 'version', value: 1 }],
            success: [{ type: 'deleteRange', key: key() }],
            failure: [{ type: 'put', ...put() }],
          },
        }
      case 6:
        return random.below(4) === 0
          ? { type: 'compact', revision: random.below(count) }
          : { type: 'alarm', action: 'deactivate', alarm: 'noSpace', memberId: 0n }
      case 7:
        return { type: 'leaseExpire', ids: [lease(), lease(), lease()] }
      default:
        return { type: 'put', request: put() }
    }
  }
  return Array.from({ length: count }, one)
}

/** A place in the log of a single member. */
function at(index: number): { index: number; term: number } {
  return { index, term: 1 }
}

describe('the state machine', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    'comes to the same state from the same entries, at any time and after any restart, seed %i',
    (seed) => {
      const list = commands(seed, 400)
      const random = createRandom(seed)
      const encoder = new CommandEncoder()
      const first = createStoreBackend()
      const second = createStoreBackend()
      const straight = restored(first)
      let restarted = restored(second)
      for (const [n, command] of list.entries()) {
        const here = straight.apply(command, at(n + 1), n * 5)
        // The other one reads its log, at another time, and restarts now and then.
        const there = restarted.apply(decodeCommand(encoder.encode(command)), at(n + 1), 0)
        expect(there instanceof Refusal ? there.error.message : there).toEqual(
          here instanceof Refusal ? here.error.message : here,
        )
        if (random.below(40) === 0) restarted = restored(second)
      }
      expect(restarted.mvcc.revision).toBe(straight.mvcc.revision)
      expect(contentsOf(second)).toEqual(contentsOf(first))
      expect(hashOf(restarted)).toBe(hashOf(straight))
    },
  )

  test('takes a failure of its backend for no refusal: it must not go on', () => {
    class DiskError extends CodedError<'DISK'> {}
    const memory = createStoreBackend()
    const state = restored({
      ...memory,
      sizeBytes: 0,
      sizeInUseBytes: 0,
      put: () => {
        throw new DiskError('DISK', 'cannot be written')
      },
    })
    expect(() => state.apply({ type: 'put', request: { key: 'a' } }, at(1), 0)).toThrow('DISK')
  })

  test('removes overdue leases each in a revision of its own, and leaves out those that are gone', () => {
    const state = restored(createStoreBackend())
    for (const [n, id] of [7n, 8n, 9n].entries()) {
      state.apply({ type: 'leaseGrant', id, ttlMs: 60_000 }, at(2 * n + 1), 0)
      state.apply({ type: 'put', request: { key: `k${id}`, lease: id } }, at(2 * n + 2), 0)
    }
    const { revision } = state.mvcc
    expect(state.apply({ type: 'leaseExpire', ids: [7n, 5n, 9n, 7n] }, at(7), 0)).toBeUndefined()
    expect(state.mvcc).toMatchObject({ revision: revision + 2, keys: 1 })
    expect(state.lessor.size).toBe(1)
  })

  test('goes on with a revocation that was cut off by a restart', () => {
    const backend = createStoreBackend()
    const before = restored(backend)
    before.apply({ type: 'leaseGrant', id: 7n, ttlMs: 60_000 }, at(1), 0)
    for (let n = 0; n < 10; n++) {
      before.apply({ type: 'put', request: { key: `k${n}`, lease: 7n } }, at(n + 2), 0)
    }
    before.apply({ type: 'leaseRevokeKeys', id: 7n, keys: ['k0', 'k1', 'k2'] }, at(12), 0)
    const after = restored(backend)
    expect(after.lessor.keys(7n)).toHaveLength(7)
    const late = after.apply({ type: 'put', request: { key: 'late', lease: 7n } }, at(13), 0)
    expect(late).toMatchObject({ error: { code: 'MVCC_LEASE_NOT_FOUND' } })
    after.lessor.promote({ nowMs: 0, extendMs: 0 })
    while (!after.lessor.promoteStep(10));
    expect(() => after.lessor.renew(7n, 0)).toThrow('LEASE_EXPIRED')
    after.apply({ type: 'leaseRevoke', id: 7n }, at(14), 0)
    expect(after.mvcc.keys).toBe(0)
    expect(contentsOf(backend).filter((line) => line.startsWith('lease/'))).toEqual([])
  })
})
