import type { Snapshot } from '@orrery/raft'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decodeAnswer, encodeRequest, type NodeRequest, tagged } from '../src/administration.ts'
import { ByteWriter } from '../src/byte-writer.ts'
import { forwardedPayload } from '../src/proposal.ts'
import { nothing, snapshotHeader, type SoloNode, startSolo } from './solo-node.ts'

let solo: SoloNode
let self: bigint
let peer: bigint
let other: bigint

beforeEach(async () => {
  solo = await startSolo(['a', 'b', 'c'])
  ;[self = 0n, peer = 0n, other = 0n] = solo.memberIds
})

afterEach(async () => {
  expect(solo.failures).toEqual([])
  expect(solo.node.state).toBe('running')
  await solo.node.close()
  expect(solo.environment.clock.pending).toBe(0)
})

function snapshotAt(index: number): Snapshot {
  return { index, term: 5, membership: solo.node.status().membership }
}

async function receive(from: bigint, header: Uint8Array): Promise<unknown> {
  return await solo.handler.onSnapshot({ from, header, content: nothing() }).catch((error: unknown) => error)
}

/** Wins an election by the votes of the test. */
async function lead(): Promise<void> {
  solo.node.campaign()
  await solo.settle()
  const term = solo.node.status().term + 1
  solo.handler.onMessages([
    { type: 'preVoteResponse', from: peer, to: self, term, isGranted: true, isOnProbation: false },
  ])
  await solo.settle()
  solo.handler.onMessages([
    { type: 'voteResponse', from: peer, to: self, term, isGranted: true, isOnProbation: false },
  ])
  await solo.settle()
  expect(solo.node.status().role).toBe('leader')
}

describe('a snapshot', () => {
  test('that comes without its state is ignored', async () => {
    solo.handler.onMessages([{ type: 'snapshot', from: peer, to: self, term: 5, snapshot: snapshotAt(100) }])
    await solo.settle()
    expect(solo.node.status().commitIndex).toBe(3)
  })

  test.each([
    ['nothing', new Uint8Array()],
    ['noise', Buffer.from('noise that is no header')],
    [
      'a message that is none',
      new ByteWriter()
        .bytes(Buffer.from([255, 1, 2]))
        .bytes(Buffer.alloc(0))
        .finish(),
    ],
    [
      'no message',
      new ByteWriter()
        .bytes(Buffer.alloc(0))
        .bytes(Buffer.from([1]))
        .finish(),
    ],
  ])('whose header is %s is refused as damaged', async (_, header) => {
    expect(await receive(peer, header)).toMatchObject({ code: 'NODE_DAMAGED' })
  })

  test('is refused when its header names another sender or receiver', async () => {
    for (const [from, to] of [
      [other, self],
      [peer, other],
    ] as const) {
      const header = snapshotHeader({ from, to, term: 5 }, snapshotAt(100))
      expect(await receive(peer, header)).toMatchObject({ code: 'NODE_DAMAGED' })
    }
    expect(solo.node.status().term).toBe(1)
  })

  test('that tells nothing new is answered, and its state not read', async () => {
    const header = snapshotHeader({ from: peer, to: self, term: 5 }, { ...snapshotAt(2), term: 1 })
    expect(await receive(peer, header)).toBeUndefined()
    await solo.settle()
    expect(solo.sent.at(-1)).toMatchObject({ type: 'appendResponse', to: peer })
    expect(solo.discarded).toEqual([])
  })

  test('of a membership without this member is thrown away', async () => {
    const membership = {
      ...solo.node.status().membership,
      voters: solo.node.status().membership.voters.filter((id) => id !== self),
    }
    const header = snapshotHeader({ from: peer, to: self, term: 5 }, { ...snapshotAt(100), membership })
    expect(await receive(peer, header)).toBeUndefined()
    await solo.settle()
    expect(solo.discarded).toEqual(['received'])
    expect(solo.node.status().commitIndex).toBe(3)
  })

  test('is installed when it is newer, and the member goes on behind it', async () => {
    const header = snapshotHeader({ from: peer, to: self, term: 5 }, snapshotAt(100))
    expect(await receive(peer, header)).toBeUndefined()
    await solo.settle()
    expect(solo.node.status()).toMatchObject({ commitIndex: 100, appliedIndex: 100 })
  })
})

describe('proposals of another member', () => {
  test('without a header that makes sense are left out', async () => {
    await lead()
    const { term, lastIndex } = solo.node.status()
    const good = forwardedPayload(Buffer.alloc(30), { session: 7n, sequence: 1, settledBelow: 1 })
    const payloads = [
      Buffer.alloc(0),
      Buffer.from([0, 1]),
      Buffer.from([1, 2, 3]),
      Buffer.from([2]),
      Buffer.from([9]),
    ]
    const proposals = [...payloads, good].map((payload) => ({ type: 'command', payload }) as const)
    solo.handler.onMessages([
      { type: 'propose', from: peer, to: self, term, proposals },
      { type: 'propose', from: peer, to: self, term, proposals: [{ type: 'membership', payload: good }] },
    ])
    await solo.settle()
    expect(solo.node.status().lastIndex).toBe(lastIndex + 1)
  })

  test('for another term than this one are left out', async () => {
    await lead()
    const { term, lastIndex } = solo.node.status()
    const payload = forwardedPayload(Buffer.alloc(30), { session: 7n, sequence: 1, settledBelow: 1 })
    for (const wrong of [term - 1, term + 1]) {
      solo.handler.onMessages([
        { type: 'propose', from: peer, to: self, term: wrong, proposals: [{ type: 'command', payload }] },
      ])
    }
    await solo.settle()
    expect(solo.node.status().lastIndex).toBe(lastIndex)
  })
})

describe('a request', () => {
  async function ask(from: bigint, request: Uint8Array): Promise<unknown> {
    return decodeAnswer(await solo.handler.onRequest(from, request))
  }

  test('without a meaning is answered as damaged', async () => {
    for (const content of [[], [0], [0, 9], [0, 1, 7], [0, 0, 0]].map((bytes) => Uint8Array.from(bytes))) {
      const answer = ask(peer, content)
      if (content.length === 2 && content[1] === 0) continue
      await expect(answer).rejects.toMatchObject({ code: 'NODE_DAMAGED' })
    }
  })

  test('of somebody who is no member may only ask who is there', async () => {
    const requests: NodeRequest[] = [
      { type: 'change', change: { type: 'remove', id: peer } },
      { type: 'update', update: { id: peer, change: { peerAddresses: ['elsewhere'] } } },
      { type: 'transfer', target: peer },
    ]
    for (const request of requests) {
      await expect(ask(0n, tagged('node', encodeRequest(request)))).rejects.toMatchObject({
        code: 'NODE_JOIN_REFUSED',
      })
    }
    await expect(solo.handler.onRequest(0n, tagged('host', Buffer.from('x')))).rejects.toMatchObject({
      code: 'NODE_JOIN_REFUSED',
    })
    await expect(ask(0n, tagged('node', encodeRequest({ type: 'members' })))).resolves.toMatchObject({
      clusterId: solo.node.identity.clusterId,
    })
  })

  test('for the leader is refused by others, whatever it is about', async () => {
    for (const type of ['remove', 'promote'] as const) {
      const request = encodeRequest({ type: 'change', change: { type, id: peer } })
      await expect(ask(peer, tagged('node', request))).rejects.toMatchObject({ code: 'NODE_NOT_LEADER' })
    }
  })
})

describe('whoever introduces themselves', () => {
  test('must name the cluster, unless they want to join', () => {
    const { clusterId } = solo.node.identity
    const accepts = (cluster: bigint, memberId: bigint): string | undefined =>
      solo.handler.accepts({ clusterId: cluster, memberId, directoryId: 1n })
    expect(accepts(clusterId, peer)).toBeUndefined()
    expect(accepts(0n, 0n)).toBeUndefined()
    expect(accepts(0n, peer)).toBe('another cluster')
    expect(accepts(clusterId + 1n, peer)).toBe('another cluster')
    expect(accepts(clusterId + 1n, 0n)).toBe('another cluster')
    expect(accepts(clusterId, 99n)).toBe('not a member')
  })
})
