import { createMembership, type Membership, type ProgressStatus } from '@orrery/raft'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MemberTable } from '../src/member-table.ts'
import {
  type ClusterView,
  type MemberChange,
  requireConsistent,
  requireSafe,
} from '../src/membership-rules.ts'

function membershipOf(voters: readonly bigint[], learners: readonly bigint[] = []): Membership {
  return createMembership({ voters, learners })
}

/** Members 1 to `voters`, then learners; each at its own address. Those of `started` have a name. */
function tableOf({
  voters,
  learners = 0,
  started = voters + learners,
}: {
  readonly voters: number
  readonly learners?: number
  readonly started?: number
}): MemberTable {
  const ids = Array.from({ length: voters + learners }, (_, n) => BigInt(n + 1))
  const table = new MemberTable(membershipOf([], []))
  for (const id of ids) table.add(id, [`host${id}`])
  table.setMembership(membershipOf(ids.slice(0, voters), ids.slice(voters)))
  for (const id of ids.slice(0, started)) table.update(id, { name: `m${id}` })
  return table
}

function codeOf(run: () => void): string {
  try {
    run()
    return 'ok'
  } catch (error) {
    return (error as Error & { code: string }).code
  }
}

describe('the table of members', () => {
  test('is the same after it was written and read', () => {
    const id = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n })
    const member = fc.record({
      id,
      addresses: fc.array(fc.string(), { maxLength: 3 }),
      name: fc.string(),
      clientUrls: fc.array(fc.string(), { maxLength: 3 }),
      directoryId: fc.bigInt({ min: 0n, max: 2n ** 63n }),
    })
    const members = fc.uniqueArray(member, { maxLength: 6, selector: ({ id }) => id })
    fc.assert(
      fc.property(members, fc.nat(6), (all, staying) => {
        const table = new MemberTable(membershipOf([]))
        for (const { id, addresses, ...attributes } of all) {
          table.add(id, addresses)
          table.update(id, attributes)
        }
        table.setMembership(membershipOf(all.slice(0, staying).map((one) => one.id)))
        const again = MemberTable.decode(table.encode())
        expect(again.list()).toEqual(table.list())
        expect(again.membership).toEqual(table.membership)
        for (const one of all) expect(again.wasRemoved(one.id)).toBe(table.wasRemoved(one.id))
        expect(again.encode()).toEqual(table.encode())
      }),
    )
  })

  test('is refused when it is cut, longer, or of another format', () => {
    const bytes = tableOf({ voters: 2, learners: 1 }).encode()
    for (let length = 0; length < bytes.length; length++) {
      expect(codeOf(() => MemberTable.decode(bytes.subarray(0, length)))).toBe('NODE_DAMAGED')
    }
    expect(codeOf(() => MemberTable.decode(Buffer.concat([bytes, Buffer.alloc(1)])))).toBe('NODE_DAMAGED')
    const other = Uint8Array.from(bytes)
    other[0] = 2
    expect(codeOf(() => MemberTable.decode(other))).toBe('NODE_DAMAGED')
  })

  test('tells learners from voters, and remembers who was removed', () => {
    const table = tableOf({ voters: 1, learners: 1 })
    expect(table.list().map(({ isLearner }) => isLearner)).toEqual([false, true])
    table.setMembership(membershipOf([1n]))
    expect([table.wasRemoved(1n), table.wasRemoved(2n), table.get(2n)]).toEqual([false, true, undefined])
    table.update(2n, { name: 'ghost' })
    expect(table.list()).toHaveLength(1)
  })

  test('keeps what a learner told of itself when it becomes a voter', () => {
    const table = tableOf({ voters: 1, learners: 1 })
    table.update(2n, { directoryId: 9n, clientUrls: ['u'] })
    table.setMembership(membershipOf([1n, 2n]))
    expect(table.get(2n)).toEqual({
      id: 2n,
      name: 'm2',
      peerAddresses: ['host2'],
      clientUrls: ['u'],
      isLearner: false,
      directoryId: 9n,
    })
  })
})

describe('a change that contradicts the membership', () => {
  const add = { type: 'add', id: 9n, peerAddresses: ['new'], isLearner: false } as const
  const table = tableOf({ voters: 2, learners: 1 })
  table.add(7n, ['gone'])
  table.setMembership(membershipOf([1n, 2n], [3n]))

  test.each<[string, MemberChange, number, string]>([
    ['a new member', add, 1, 'ok'],
    ['a known id', { ...add, id: 1n }, 1, 'NODE_MEMBER_EXISTS'],
    ['a known address', { ...add, peerAddresses: ['other', 'host2'] }, 1, 'NODE_MEMBER_EXISTS'],
    ['an id that was removed', { ...add, id: 7n }, 1, 'NODE_MEMBER_REMOVED'],
    ['one learner too many', { ...add, isLearner: true }, 1, 'NODE_TOO_MANY_LEARNERS'],
    ['another learner', { ...add, isLearner: true }, 2, 'ok'],
    ['nobody removed', { type: 'remove', id: 9n }, 1, 'NODE_MEMBER_NOT_FOUND'],
    ['removed again', { type: 'remove', id: 7n }, 1, 'NODE_MEMBER_REMOVED'],
    ['a voter removed', { type: 'remove', id: 1n }, 1, 'ok'],
    ['a voter promoted', { type: 'promote', id: 1n }, 1, 'NODE_MEMBER_NOT_LEARNER'],
    ['a learner promoted', { type: 'promote', id: 3n }, 1, 'ok'],
    ['nobody promoted', { type: 'promote', id: 9n }, 1, 'NODE_MEMBER_NOT_FOUND'],
    ['moved to another address', { type: 'move', id: 1n, peerAddresses: ['host2'] }, 1, 'NODE_MEMBER_EXISTS'],
    ['moved to where it is', { type: 'move', id: 1n, peerAddresses: ['host1', 'x'] }, 1, 'ok'],
    ['nobody moved', { type: 'move', id: 9n, peerAddresses: ['x'] }, 1, 'NODE_MEMBER_NOT_FOUND'],
  ])('is refused: %s', (_, change, learnersMax, expected) => {
    expect(codeOf(() => requireConsistent(change, table, learnersMax))).toBe(expected)
  })

  test('is refused: the last voter removed', () => {
    const remove = { type: 'remove', id: 1n } as const
    expect(codeOf(() => requireConsistent(remove, tableOf({ voters: 1, learners: 1 }), 1))).toBe(
      'NODE_NOT_ENOUGH_STARTED_MEMBERS',
    )
  })
})

describe('a change that endangers the cluster', () => {
  function viewOf(
    table: MemberTable,
    more: Partial<ClusterView> & { connected?: readonly bigint[] } = {},
  ): ClusterView {
    const { connected = table.list().map(({ id }) => id), ...rest } = more
    return {
      memberId: 1n,
      table,
      progress: [],
      connectedMs: (id) => (connected.includes(id) ? 5_000 : undefined),
      learnersMax: 1,
      isStrict: true,
      ...rest,
    }
  }
  const voter = { type: 'add', id: 9n, peerAddresses: ['new'], isLearner: false } as const
  const learner = { ...voter, isLearner: true } as const
  const remove = (id: bigint): MemberChange => ({ type: 'remove', id })
  const few = 'NODE_NOT_ENOUGH_STARTED_MEMBERS'
  const unhealthy = 'NODE_UNHEALTHY_CLUSTER'

  // etcd: TestIsReadyToAddVotingMember, TestIsReadyToRemoveVotingMember, and the checks around them.
  test.each<[string, MemberTable, MemberChange, readonly bigint[] | undefined, string]>([
    ['1/1 started, a voter joins', tableOf({ voters: 1 }), voter, undefined, 'ok'],
    ['0/1 started, a voter joins', tableOf({ voters: 1, started: 0 }), voter, undefined, few],
    ['2/2 started, a voter joins', tableOf({ voters: 2 }), voter, undefined, 'ok'],
    ['1/2 started, a voter joins', tableOf({ voters: 2, started: 1 }), voter, undefined, few],
    ['3/3 started, a voter joins', tableOf({ voters: 3 }), voter, undefined, 'ok'],
    ['2/3 started, a voter joins', tableOf({ voters: 3, started: 2 }), voter, undefined, few],
    ['1/3 started, a learner joins', tableOf({ voters: 3, started: 1 }), learner, undefined, 'ok'],
    ['1/1 started and 1 learner, a voter joins', tableOf({ voters: 1, learners: 1 }), voter, undefined, 'ok'],
    ['2 of 3 connected, a voter joins', tableOf({ voters: 3 }), voter, [2n], unhealthy],
    ['2 of 3 connected, a learner joins', tableOf({ voters: 3 }), learner, [2n], 'ok'],
    ['1 of 3 connected, a learner joins', tableOf({ voters: 3 }), learner, [], unhealthy],
    ['1 of 2 connected, a voter joins', tableOf({ voters: 2 }), voter, [], unhealthy],
    ['1/1 started, it leaves', tableOf({ voters: 1 }), remove(1n), undefined, few],
    ['1/2 started, the other leaves', tableOf({ voters: 2, started: 1 }), remove(2n), undefined, 'ok'],
    ['1/2 started, the started one leaves', tableOf({ voters: 2, started: 1 }), remove(1n), undefined, few],
    ['2/3 started, the other leaves', tableOf({ voters: 3, started: 2 }), remove(3n), undefined, 'ok'],
    ['2/3 started, a started one leaves', tableOf({ voters: 3, started: 2 }), remove(2n), undefined, few],
    ['3/3 started, one leaves', tableOf({ voters: 3 }), remove(3n), undefined, 'ok'],
    ['3/3 started, the one that is down leaves', tableOf({ voters: 3 }), remove(3n), [2n], 'ok'],
    ['3/3 started, another is down', tableOf({ voters: 3 }), remove(2n), [2n], unhealthy],
    ['a learner leaves', tableOf({ voters: 3, learners: 1, started: 1 }), remove(4n), [], 'ok'],
  ])('%s', (_, table, change, connected, expected) => {
    const view = viewOf(table, connected === undefined ? {} : { connected })
    expect(codeOf(() => requireSafe(change, view))).toBe(expected)
    if (expected !== 'ok') expect(codeOf(() => requireSafe(change, { ...view, isStrict: false }))).toBe('ok')
  })

  test('counts who has been connected for five seconds', () => {
    const table = tableOf({ voters: 2 })
    const view = viewOf(table)
    expect(codeOf(() => requireSafe(voter, { ...view, connectedMs: () => 4_999 }))).toBe(unhealthy)
    expect(codeOf(() => requireSafe(voter, { ...view, connectedMs: () => 5_000 }))).toBe('ok')
  })

  test('a learner votes only when it has nine tenths of the log, strict or not', () => {
    const table = tableOf({ voters: 1, learners: 1 })
    const at = (id: bigint, matchIndex: number): ProgressStatus => ({
      id,
      state: 'replicate',
      matchIndex,
      nextIndex: matchIndex + 1,
      isLearner: id !== 1n,
      isActive: true,
    })
    const promote = (progress: readonly ProgressStatus[], isStrict: boolean): string =>
      codeOf(() => requireSafe({ type: 'promote', id: 2n }, viewOf(table, { progress, isStrict })))
    for (const isStrict of [true, false]) {
      expect(promote([at(1n, 1_000), at(2n, 899)], isStrict)).toBe('NODE_LEARNER_NOT_READY')
      expect(promote([at(1n, 1_000), at(2n, 900)], isStrict)).toBe('ok')
      expect(promote([at(1n, 1_000)], isStrict)).toBe('NODE_LEARNER_NOT_READY')
      expect(promote([], isStrict)).toBe('NODE_LEARNER_NOT_READY')
    }
  })
})
