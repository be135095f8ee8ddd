import { createManualClock } from '@orrery/environment/testing'
import {
  decodeMembershipChange,
  encodeMembershipChange,
  type Entry,
  type HardState,
  type Membership,
  type RaftStart,
} from '@orrery/raft'
import { describe, expect, test } from 'vitest'
import { fromMembershipChange } from '../src/member-entries.ts'
import {
  clusterIdOf,
  createMemoryLogStorage,
  createMemoryNetwork,
  type Durables,
  fetchMembers,
  forceAlone,
  initialIds,
  initialStart,
  type LogStorage,
  type Member,
  memberIdOf,
  MemberTable,
  placeFor,
  restartFrom,
  type StoredLog,
} from '../src/index.ts'

function codeOf(run: () => unknown): string {
  try {
    run()
    return 'ok'
  } catch (error) {
    return (error as Error & { code: string }).code
  }
}

describe('ids of a new cluster', () => {
  test('are those that etcd gives to the same beginning', () => {
    // What etcd logs when it starts alone with its defaults.
    const memberId = memberIdOf(['http://localhost:2380'], 'etcd-cluster')
    expect(memberId.toString(16)).toBe('8e9e05c52164694d')
    expect(clusterIdOf([memberId]).toString(16)).toBe('cdf818194e3a8c32')
    expect(initialIds({ members: [['http://localhost:2380']], token: 'etcd-cluster' })).toEqual({
      clusterId: 0xcdf818194e3a8c32n,
      memberIds: [0x8e9e05c52164694dn],
    })
  })

  test('do not depend on an order, and differ by token and salt', () => {
    expect(memberIdOf(['a', 'b'], 't')).toBe(memberIdOf(['b', 'a'], 't'))
    expect(clusterIdOf([1n, 2n ** 64n - 1n])).toBe(clusterIdOf([2n ** 64n - 1n, 1n]))
    expect(new Set([memberIdOf(['a'], 't'), memberIdOf(['a'], 'u'), memberIdOf(['a'], 't', 'v')]).size).toBe(
      3,
    )
  })

  test('are refused without an address, or with one that two members have', () => {
    for (const members of [[], [[]], [['a'], []], [['a'], ['b', 'a']]]) {
      expect(codeOf(() => initialIds({ members, token: 't' }))).toBe('NODE_INVALID_OPTION')
    }
  })
})

test('all initial members begin with the same log, which adds each of them', () => {
  const start = initialStart({ members: [['a'], ['b', 'b2'], ['c']], token: 't' })
  expect(initialStart({ members: [['c'], ['b', 'b2'], ['a']], token: 't' })).toEqual(start)
  expect(start.hardState.commitIndex).toBe(3)
  const added = start.entries.map(({ payload }) =>
    fromMembershipChange(decodeMembershipChange(payload), false),
  )
  const { memberIds } = initialIds({ members: [['a'], ['b', 'b2'], ['c']], token: 't' })
  expect(added.map((change) => change?.id)).toEqual([...memberIds].sort((a, b) => (a < b ? -1 : 1)))
  expect(added.find((change) => change?.id === memberIds[1])).toMatchObject({ peerAddresses: ['b', 'b2'] })
})

describe('a member that was here before', () => {
  const hardState: HardState = { term: 5, vote: 2n, commitIndex: 8, isOnProbation: false }
  const payload = Buffer.alloc(0)
  const entries = [7, 8, 9].map((index) => ({ index, term: 5, type: 'empty' as const, payload }))
  const stored: StoredLog = {
    hardState,
    previousIndex: 6,
    previousTerm: 4,
    entries,
    stateName: undefined,
    isTailLost: false,
  }
  const three = membersOf([1n, 2n, 3n])
  const alone = membersOf([1n])

  function membersOf(voters: readonly bigint[], removed: readonly bigint[] = []): Uint8Array {
    const membership: Membership = {
      voters,
      outgoingVoters: [],
      learners: [],
      nextLearners: [],
      leavesAutomatically: false,
    }
    const table = new MemberTable(membership)
    for (const id of [...voters, ...removed]) table.add(id, [`host${id}`])
    table.setMembership(membership)
    return table.encode()
  }

  test('goes on from its log, and applies what its state lacks', () => {
    const { start, members } = restartFrom(stored, { index: 7, term: 5, members: three }, 1n)
    expect(start).toMatchObject({ hardState, previousIndex: 6, previousTerm: 4, entries, appliedIndex: 7 })
    expect(start.membership.voters).toEqual([1n, 2n, 3n])
    expect(members.list()).toHaveLength(3)
  })

  test('takes what its state has for committed', () => {
    const { start } = restartFrom(stored, { index: 9, term: 5, members: three }, 1n)
    expect(start.hardState.commitIndex).toBe(9)
  })

  test('with a state ahead of its log goes on behind the state, without a vote for now', () => {
    const { start } = restartFrom(stored, { index: 20, term: 5, members: three }, 1n)
    expect(start).toMatchObject({
      hardState: { commitIndex: 20, isOnProbation: true },
      previousIndex: 20,
      previousTerm: 5,
      entries: [],
      appliedIndex: 20,
    })
  })

  test('with a log that lost its end has no vote for now, unless it is alone', () => {
    const lost = { ...stored, isTailLost: true }
    const isOnProbation = (members: Uint8Array, log = lost): boolean =>
      restartFrom(log, { index: 7, term: 5, members }, 1n).start.hardState.isOnProbation
    expect(isOnProbation(three)).toBe(true)
    expect(isOnProbation(alone)).toBe(false)
    expect(isOnProbation(three, stored)).toBe(false)
    expect(isOnProbation(three, { ...stored, hardState: { ...hardState, isOnProbation: true } })).toBe(true)
  })

  test('is refused when log and state do not fit, or it was removed', () => {
    const at = (index: number, members = three, log = stored): string =>
      codeOf(() => restartFrom(log, { index, term: 5, members }, 1n))
    expect(at(5)).toBe('NODE_DAMAGED')
    expect(at(20, alone)).toBe('NODE_DAMAGED')
    expect(at(7, three, { ...stored, hardState: undefined })).toBe('NODE_DAMAGED')
    expect(at(7, Buffer.from([1, 2, 3]))).toBe('NODE_DAMAGED')
    expect(at(7, membersOf([2n, 3n], [1n]))).toBe('NODE_REMOVED')
    expect(at(6)).toBe('ok')
  })
})

describe('a member that goes on alone', () => {
  const payload = Buffer.alloc(0)
  const membership: Membership = {
    voters: [1n, 2n],
    outgoingVoters: [],
    learners: [3n],
    nextLearners: [],
    leavesAutomatically: false,
  }

  function changeOf(payloads: Uint8Array): unknown {
    const { steps } = decodeMembershipChange(payloads)
    return steps.map(({ type, member }) => `${type} ${member}`).join()
  }

  test('removes all others, those of entries to come too, in a term of its own and behind all of its log', async () => {
    const add = decodeMembershipChange(
      initialStart({ members: [['x']], token: 't' }).entries[0]?.payload ?? payload,
    )
    const added = { ...add, steps: [{ type: 'addLearner', member: 4n }] } as const
    const entries: Entry[] = [
      { index: 7, term: 5, type: 'empty', payload },
      { index: 8, term: 5, type: 'membership', payload: encodeMembershipChange(added) },
      { index: 9, term: 5, type: 'command', payload },
    ]
    const members = new MemberTable(membership)
    for (const id of [1n, 2n, 3n]) members.add(id, [`host${id}`])
    const hardState: HardState = { term: 5, vote: 2n, commitIndex: 8, isOnProbation: true }
    const written: Durables[] = []
    const memory = createMemoryLogStorage()
    const storage = Object.assign(Object.create(memory) as LogStorage, {
      append: (durables: Durables) => {
        written.push(durables)
        queueMicrotask(() => storage.onDurable?.(durables.number))
      },
    })
    const begun: RaftStart = {
      hardState,
      previousIndex: 6,
      previousTerm: 4,
      entries,
      appliedIndex: 7,
      membership,
    }
    const alone = (id: bigint): Promise<RaftStart> =>
      forceAlone(storage, { start: begun, members }, { id, peerAddresses: ['here'] })
    const start = await alone(1n)
    expect(start.hardState).toEqual({ term: 6, vote: 1n, commitIndex: 12, isOnProbation: false })
    expect(start.entries.slice(0, 3)).toEqual(entries)
    const forced = start.entries.slice(3)
    expect(forced.map(({ index, term }) => [index, term])).toEqual([
      [10, 6],
      [11, 6],
      [12, 6],
    ])
    expect(forced.map((one) => changeOf(one.payload))).toEqual(['remove 2', 'remove 3', 'remove 4'])
    // Nothing counts as committed before all of it is there.
    expect(written.map((one) => [one.entries.length, one.hardState?.commitIndex])).toEqual([
      [3, 8],
      [0, 12],
    ])
    const learner = await alone(3n)
    expect(learner.entries.slice(3).map((one) => changeOf(one.payload))).toEqual([
      'addVoter 3',
      'remove 1',
      'remove 2',
      'remove 4',
    ])
  })
})

describe('a member that joins', () => {
  const member: Member = {
    id: 7n,
    name: '',
    peerAddresses: ['x', 'y'],
    clientUrls: [],
    isLearner: false,
    directoryId: 0n,
  }

  test('takes the place that was made for one of its addresses, once', () => {
    const place = (one: Member, address: string): unknown =>
      placeFor([address], { clusterId: 1n, members: [one] })
    expect(place(member, 'y')).toEqual(member)
    expect(codeOf(() => place(member, 'z'))).toBe('NODE_JOIN_REFUSED')
    expect(codeOf(() => place({ ...member, name: 'taken' }, 'x'))).toBe('NODE_JOIN_REFUSED')
  })

  test('is told that nobody answers', async () => {
    const network = createMemoryNetwork({ clock: createManualClock() })
    const transport = network.transport('asks')
    await transport.start(
      { clusterId: 0n, memberId: 0n, directoryId: 0n },
      {
        onMessages: () => {},
        onUnreachable: () => {},
        onSnapshot: () => Promise.resolve(),
        onRequest: (_, request) => Promise.resolve(request),
        accepts: () => undefined,
      },
    )
    await expect(fetchMembers(transport, ['nowhere', 'neither'])).rejects.toMatchObject({
      code: 'NODE_JOIN_REFUSED',
    })
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(fetchMembers(transport, ['nowhere'], { signal })).rejects.toThrow('enough')
    await network.close()
  })
})
