import assert from 'node:assert/strict'
import type { Message } from '@orrery/raft'
import { bytes, law, plain } from './transport-case.ts'

/** One of each, as the core sends them: what it would never send may be refused. */
function everyType(from: bigint, to: bigint): readonly Message[] {
  const envelope = { from, to, term: 2 ** 40 }
  const membership = {
    voters: [1n, 2n, 2n ** 64n - 1n],
    outgoingVoters: [1n],
    learners: [3n],
    nextLearners: [],
    leavesAutomatically: true,
  }
  const last = { lastIndex: 2 ** 50, lastTerm: 7 }
  return [
    { ...envelope, type: 'preVote', ...last },
    { ...envelope, type: 'vote', ...last, isTransfer: true },
    { ...envelope, type: 'preVoteResponse', isGranted: false, isOnProbation: false },
    { ...envelope, type: 'voteResponse', isGranted: true, isOnProbation: false },
    {
      ...envelope,
      type: 'append',
      previousIndex: 8,
      previousTerm: 1,
      entries: [
        { index: 9, term: 1, type: 'command', payload: bytes('put a') },
        { index: 10, term: 2, type: 'empty', payload: new Uint8Array() },
        { index: 11, term: 2, type: 'membership', payload: bytes('add 3') },
      ],
      commitIndex: 8,
      lastIndex: 400,
    },
    {
      ...envelope,
      type: 'appendResponse',
      index: 3,
      isRejected: true,
      hintIndex: 2,
      hintTerm: 1,
      isLogReset: true,
    },
    { ...envelope, type: 'heartbeat', commitIndex: 8, round: 77 },
    { ...envelope, type: 'heartbeatResponse', round: 77 },
    { ...envelope, type: 'snapshot', snapshot: { index: 5, term: 1, membership } },
    { ...envelope, type: 'timeoutNow' },
    { ...envelope, term: 0, type: 'transferLeadership', target: 3n },
    { ...envelope, term: 0, type: 'propose', proposals: [{ type: 'command', payload: bytes('put b') }] },
    { ...envelope, term: 0, type: 'readIndex', context: 2 ** 52 },
    { ...envelope, type: 'readIndexResponse', context: 2 ** 52, index: 12 },
  ]
}

/** An append with one entry of so many bytes. */
function append(from: bigint, to: bigint, index: number, length: number): Message {
  const payload = new Uint8Array(length).fill(index)
  return {
    type: 'append',
    from,
    to,
    term: 1,
    previousIndex: index - 1,
    previousTerm: index === 1 ? 0 : 1,
    entries: [{ index, term: 1, type: 'command', payload }],
    commitIndex: 0,
    lastIndex: index,
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

export const messageLaws = [
  law('messages arrive in the order of their sending, none of them missing', async (trial) => {
    const [a, b] = await trial.pair()
    for (let n = 0; n < 1_000; n++) {
      a.beat(2n, n)
      if (n % 100 === 0) await trial.pass(1)
    }
    await trial.eventually('all arrive', () => b.rounds.length >= 1_000)
    assert.deepEqual(b.rounds, upTo(1_000))
    assert.deepEqual(a.unreachable, [])
  }),
  law('every type of message arrives as it was sent', async (trial) => {
    const [a, b] = await trial.pair()
    const messages = everyType(1n, 2n)
    a.transport.send(messages)
    await trial.eventually('all arrive', () => b.received.length >= messages.length)
    assert.equal(plain(b.received), plain(messages))
  }),
  law('large messages in both directions arrive whole', async (trial) => {
    const [a, b] = await trial.pair()
    const lengths = [1_000_000, 0, 1, 70_000, 1_000_000]
    const there = lengths.map((length, n) => append(1n, 2n, n + 1, length))
    const back = lengths.map((length, n) => append(2n, 1n, n + 1, length))
    for (const message of there) a.transport.send([message])
    b.transport.send(back)
    await trial.eventually('all arrive', () => a.received.length + b.received.length >= 10)
    assert.ok(plain(b.received) === plain(there) && plain(a.received) === plain(back))
  }),
  law('what several members send to one is not mixed up', async (trial) => {
    const members = [await trial.member(1n), await trial.member(2n), await trial.member(3n)] as const
    await trial.connect(...members)
    const [a, b, c] = members
    for (let n = 0; n < 100; n++) {
      b.beat(1n, n)
      c.beat(1n, n)
    }
    a.transport.send([append(1n, 2n, 1, 10), append(1n, 3n, 2, 10)])
    await trial.eventually(
      'all arrive',
      () => a.received.length + b.received.length + c.received.length >= 202,
    )
    for (const { id } of [b, c]) {
      const rounds = a.received.flatMap((m) => (m.type === 'heartbeat' && m.from === id ? [m.round] : []))
      assert.deepEqual(rounds, upTo(100))
    }
    assert.equal(plain(b.received), plain([append(1n, 2n, 1, 10)]))
    assert.equal(plain(c.received), plain([append(1n, 3n, 2, 10)]))
  }),
  law('nobody is told anything while a member sends', async (trial) => {
    const [a, b] = await trial.pair()
    a.beat(2n, 1)
    a.beat(9n, 1)
    assert.deepEqual([b.received, a.unreachable], [[], []])
    await trial.eventually('both come', () => b.received.length + a.unreachable.length === 2)
  }),
  law('a message to a stranger is dropped and reported, once a turn', async (trial) => {
    const a = await trial.member(1n)
    for (let n = 0; n < 10; n++) a.beat(9n, n)
    await trial.eventually('it is reported', () => a.unreachable.length > 0)
    await trial.pass(20)
    assert.deepEqual(a.unreachable, [9n])
    a.beat(9n, 10)
    await trial.eventually('it is reported again', () => a.unreachable.length > 1)
  }),
  law('a peer that is not there is reported, and connected when it comes', async (trial) => {
    const a = await trial.member(1n)
    const address = await trial.vacancy()
    a.transport.setPeers([{ id: 2n, addresses: [address] }])
    await trial.eventually(
      'it is reported',
      () => a.unreachable.length > 0,
      () => a.beat(2n, 1),
    )
    assert.equal(a.transport.connectedMs(2n), undefined)
    const b = await trial.member(2n, { address })
    await trial.eventually('they connect', () => a.transport.connectedMs(2n) !== undefined)
    a.beat(2n, 2)
    await trial.eventually('messages arrive', () => b.rounds.length > 0)
    assert.deepEqual(b.rounds, [2])
  }),
  law('a member that restarts never receives what was sent to it before', async (trial) => {
    const [a, old] = await trial.pair()
    const { address } = old.transport
    for (let n = 0; n < 100; n++) a.beat(2n, n)
    const closed = old.transport.close()
    for (let n = 100; n < 200; n++) a.beat(2n, n)
    await trial.settled(closed)
    for (let n = 200; n < 300; n++) a.beat(2n, n)
    const b = await trial.member(2n, { address })
    await trial.eventually(
      'messages arrive',
      () => b.rounds.length > 0,
      (attempt) => a.beat(2n, 1_000 + attempt),
    )
    assert.ok(b.rounds.every((round) => round >= 1_000))
  }),
  law('a peer is connected from when it answers until it is gone', async (trial) => {
    const [a, b] = await trial.pair()
    assert.equal(a.transport.connectedMs(9n), undefined)
    const first = a.transport.connectedMs(2n) ?? -1
    await trial.pass(20)
    const second = a.transport.connectedMs(2n) ?? -1
    assert.ok(first >= 0 && second > first, `connected for ${first}, later for ${second} ms`)
    await trial.settled(b.transport.close())
    await trial.eventually('it is gone', () => a.transport.connectedMs(2n) === undefined)
    a.beat(2n, 1)
    await trial.eventually('it is reported', () => a.unreachable.includes(2n))
  }),
  law('whoever is not a peer any more is not reached', async (trial) => {
    const [a, b] = await trial.pair()
    a.beat(2n, 1)
    await trial.eventually('messages arrive', () => b.rounds.length > 0)
    a.transport.setPeers([])
    assert.equal(a.transport.connectedMs(2n), undefined)
    a.beat(2n, 2)
    await trial.eventually('it is reported', () => a.unreachable.length > 0)
    await trial.rejects(a.transport.request(2n, bytes('?')), 'TRANSPORT_UNREACHABLE')
    a.transport.setPeers([b.peer])
    await trial.eventually(
      'messages arrive',
      () => b.rounds.length > 1,
      () => a.beat(2n, 3),
    )
    assert.deepEqual(b.rounds.slice(0, 2), [1, 3])
  }),
  law('a peer that moves is followed, and left where it was', async (trial) => {
    const [a, before] = await trial.pair()
    const after = await trial.member(2n)
    a.transport.setPeers([after.peer])
    await trial.eventually(
      'messages arrive',
      () => after.rounds.length > 0,
      (attempt) => a.beat(2n, attempt),
    )
    assert.deepEqual(before.rounds, [])
  }),
]
