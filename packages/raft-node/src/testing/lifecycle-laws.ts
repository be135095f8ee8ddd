import assert from 'node:assert/strict'
import { bytes, law, plain } from './transport-case.ts'
import { TrialMember } from './trial-member.ts'

export const lifecycleLaws = [
  law('an address is of one member at a time', async (trial) => {
    const a = await trial.member(1n)
    const { address } = a.transport
    await trial.rejects(trial.member(2n, { address }), 'TRANSPORT_LISTEN_FAILED')
    await trial.settled(a.transport.close())
    const b = await trial.member(2n, { address })
    assert.equal(b.transport.address, address)
  }),
  law('peers may be set before the start', async (trial) => {
    const b = await trial.member(2n)
    const transport = trial.create()
    const a = new TrialMember(transport, { clusterId: 1n, memberId: 1n, directoryId: 1n })
    transport.setPeers([b.peer, { id: 1n, addresses: b.peer.addresses }])
    a.beat(2n, 1)
    await trial.rejects(transport.request(2n, bytes('?')), 'TRANSPORT_UNREACHABLE')
    assert.equal(transport.connectedMs(2n), undefined)
    await transport.start(a.identity, a)
    await trial.eventually('they connect', () => transport.connectedMs(2n) !== undefined)
    a.beat(2n, 2)
    await trial.eventually('messages arrive', () => b.rounds.length > 0)
    assert.deepEqual([b.rounds, transport.connectedMs(1n)], [[2], undefined])
  }),
  law('closing is safe to do twice, and without a start', async (trial) => {
    const a = await trial.member(1n)
    const closed = a.transport.close()
    assert.equal(a.transport.close(), closed)
    await trial.settled(closed)
    await trial.settled(a.transport.close())
    const transport = trial.create()
    await trial.settled(transport.close())
    await trial.rejects(transport.start(a.identity, a), 'TRANSPORT_CLOSED')
  }),
  law('a closed transport sends nothing and is told nothing', async (trial) => {
    const [a, b] = await trial.pair()
    b.beat(1n, 1)
    a.beat(2n, 1)
    a.beat(9n, 1)
    const closed = a.transport.close()
    const told = plain([a.received, a.unreachable])
    b.beat(1n, 2)
    a.beat(2n, 2)
    a.transport.setPeers([b.peer])
    await trial.settled(closed)
    await trial.rejects(a.transport.request(2n, bytes('?')), 'TRANSPORT_CLOSED')
    const content = (async function* () {})()
    await trial.rejects(a.transport.sendSnapshot(2n, { header: bytes(''), content }), 'TRANSPORT_CLOSED')
    await trial.pass(50)
    assert.equal(plain([a.received, a.unreachable]), told)
    assert.equal(a.transport.connectedMs(2n), undefined)
    assert.ok(!b.rounds.includes(2))
  }),
  law('members of several clusters in one process do not meet', async (trial) => {
    const clusters = [1n, 2n].map(async (clusterId) => {
      const a = await trial.member(1n, { clusterId })
      const b = await trial.member(2n, { clusterId })
      await trial.connect(a, b)
      a.beat(2n, Number(clusterId))
      await trial.eventually('messages arrive', () => b.rounds.length > 0)
      return [b.rounds, [...a.met, ...b.met].every((peer) => peer.clusterId === clusterId)]
    })
    assert.deepEqual(await Promise.all(clusters), [
      [[1], true],
      [[2], true],
    ])
  }),
]
