import assert from 'node:assert/strict'
import { bytes, law, plain } from './transport-case.ts'
import type { Trial } from './transport-case.ts'
import type { TrialMember } from './trial-member.ts'

const request = bytes('anybody there?')

/** Neither messages nor requests nor snapshots get from one to the other. */
async function refused(trial: Trial, a: TrialMember, b: TrialMember, reason: string): Promise<void> {
  const to = b.id
  await trial.rejects(a.transport.request(to, request), 'TRANSPORT_REFUSED', reason)
  const content = (async function* () {
    await trial.pass(0)
    yield bytes('state')
  })()
  let restored = 0
  b.restore = () => {
    restored++
    return Promise.resolve()
  }
  const transfer = a.transport.sendSnapshot(to, { header: bytes('h'), content })
  await trial.rejects(transfer, 'TRANSPORT_REFUSED', reason)
  const before = a.unreachable.length
  await trial.eventually(
    'it is reported',
    () => a.unreachable.length > before + 2,
    () => a.beat(to, 1),
  )
  assert.equal(a.transport.connectedMs(to), undefined)
  assert.deepEqual([b.rounds, restored], [[], 0])
}

export const identityLaws = [
  law('both ends learn who the other one is', async (trial) => {
    const a = await trial.member(1n, { clusterId: 2n ** 64n - 1n, directoryId: 2n ** 63n })
    const b = await trial.member(2n ** 64n - 1n, { clusterId: 2n ** 64n - 1n, directoryId: 0n })
    a.transport.setPeers([b.peer])
    await trial.eventually('they connect', () => a.transport.connectedMs(b.id) !== undefined)
    assert.equal(plain(a.met.at(-1)), plain(b.identity))
    assert.equal(plain(b.met.at(-1)), plain(a.identity))
  }),
  law('who is of another cluster is refused', async (trial) => {
    const a = await trial.member(1n)
    const b = await trial.member(2n, { clusterId: 2n })
    a.judge = () => undefined
    a.transport.setPeers([b.peer])
    await refused(trial, a, b, 'of another cluster')
  }),
  law('who dials refuses, too', async (trial) => {
    const a = await trial.member(1n)
    const b = await trial.member(2n, { directoryId: 77n })
    a.judge = ({ directoryId }) => (directoryId === 77n ? 'its directory was emptied' : undefined)
    a.transport.setPeers([b.peer])
    await refused(trial, a, b, 'its directory was emptied')
  }),
  law('another member at the address of a peer is not taken for it', async (trial) => {
    const a = await trial.member(1n)
    const b = await trial.member(2n)
    a.transport.setPeers([{ id: 3n, addresses: b.peer.addresses }])
    await trial.rejects(a.transport.request(3n, request), 'TRANSPORT_REFUSED')
    await trial.eventually(
      'it is reported',
      () => a.unreachable.length > 2,
      () => a.beat(3n, 1),
    )
    assert.deepEqual(b.received, [])
  }),
  law('the first address that answers is used', async (trial) => {
    const a = await trial.member(1n)
    const b = await trial.member(2n)
    a.transport.setPeers([{ id: 2n, addresses: [await trial.vacancy(), b.transport.address] }])
    await trial.eventually(
      'messages arrive',
      () => b.rounds.length > 0,
      () => a.beat(2n, 1),
    )
    assert.equal(plain(await trial.settled(a.transport.request(2n, request))), plain(request))
  }),
  law('who was refused is connected when it is accepted', async (trial) => {
    const a = await trial.member(1n)
    const b = await trial.member(2n)
    b.judge = () => 'not yet'
    a.transport.setPeers([b.peer])
    await refused(trial, a, b, 'not yet')
    b.judge = () => undefined
    await trial.eventually(
      'messages arrive',
      () => b.rounds.length > 0,
      () => a.beat(2n, 1),
    )
  }),
  law('whoever is not accepted any more is disconnected with the next set of peers', async (trial) => {
    const [a, b] = await trial.pair()
    b.judge = () => 'it was removed'
    b.transport.setPeers([a.peer])
    await trial.eventually('it is disconnected', () => a.transport.connectedMs(2n) === undefined)
    const before = b.rounds.length
    await trial.eventually(
      'it is reported',
      () => a.unreachable.length > 2,
      () => a.beat(2n, 1),
    )
    assert.equal(b.rounds.length, before)
    await trial.eventually('both ends are', () => b.transport.connectedMs(1n) === undefined)
  }),
  law('who is no member may ask, and nothing else', async (trial) => {
    const stranger = await trial.member(0n)
    const b = await trial.member(2n)
    const asked: bigint[] = []
    b.answer = (from, received) => {
      asked.push(from)
      return Promise.resolve(received)
    }
    const { address } = b.transport
    assert.equal(plain(await trial.settled(stranger.transport.request(address, request))), plain(request))
    stranger.transport.setPeers([b.peer])
    await trial.settled(stranger.transport.request(2n, request))
    assert.deepEqual(asked, [0n, 0n])
    await trial.eventually(
      'it is reported',
      () => stranger.unreachable.length > 2,
      () => stranger.beat(2n, 1),
    )
    const snapshot = { header: request, content: (async function* () {})() }
    await trial.rejects(stranger.transport.sendSnapshot(2n, snapshot), 'TRANSPORT_REFUSED')
    assert.deepEqual(b.received, [])
  }),
]
