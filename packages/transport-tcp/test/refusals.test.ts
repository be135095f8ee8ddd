import { encodeMessages, type Message } from '@orrery/raft'
import { afterEach, describe, expect, test } from 'vitest'
import type { TrialMember } from '@orrery/raft-node/testing'
import { encodeFrame, frameType } from '../src/frame.ts'
import { encodeHello, type Purpose } from '../src/handshake.ts'
import type { RefusalKind } from '../src/index.ts'
import { createStillTimers, RawPeer, TcpTrial } from './support.ts'

const trials: TcpTrial[] = []
const raws: RawPeer[] = []
afterEach(async () => {
  for (const raw of raws.splice(0)) raw.socket.destroy()
  await Promise.all(trials.splice(0).map((trial) => trial.close()))
})

function begin(setup?: ConstructorParameters<typeof TcpTrial>[0]): TcpTrial {
  const trial = new TcpTrial(setup)
  trials.push(trial)
  return trial
}

function dialRaw(trial: TcpTrial, member: TrialMember): RawPeer {
  const raw = new RawPeer(trial.portOf(member))
  raws.push(raw)
  return raw
}

const identity = { clusterId: 1n, memberId: 7n, directoryId: 7n }

function hello(
  purpose: Purpose,
  change: { expected?: bigint; memberId?: bigint; clusterId?: bigint } = {},
): Buffer {
  const { expected = 1n, ...rest } = change
  const body = encodeHello({ identity: { ...identity, ...rest }, purpose, expected })
  return Buffer.concat(encodeFrame(frameType.hello, body))
}

const frame = (type: number, body?: Uint8Array, id?: number): Buffer =>
  Buffer.concat(encodeFrame(type, body, id))
const beat = (from: bigint, to: bigint): Message => {
  return { type: 'heartbeat', from, to, term: 1, commitIndex: 0, round: 1 }
}

/** What a peer may say that no member says, and what it is refused for. */
const offences: readonly (readonly [name: string, kind: RefusalKind, said: readonly Buffer[]])[] = [
  ['garbage', 'malformed', [Buffer.alloc(5_000, 'GET / HTTP/1.1\r\n')]],
  [
    'a TLS hello to a plain port',
    'malformed',
    [Buffer.from('16030100f8010000f40303', 'hex'), Buffer.alloc(300)],
  ],
  ['a frame of 4 GiB', 'malformed', [Buffer.alloc(9, 0xff)]],
  ['an introduction larger than one can be', 'malformed', [frame(frameType.hello, Buffer.alloc(5_000))]],
  ['an empty introduction', 'malformed', [frame(frameType.hello)]],
  [
    'messages without an introduction',
    'malformed',
    [frame(frameType.messages, encodeMessages([beat(7n, 1n)]))],
  ],
  ['another version', 'version', [frame(frameType.hello, Buffer.from('4f52525402', 'hex'))]],
  ['a call for another member', 'misdirected', [hello('stream', { expected: 9n })]],
  ['another cluster', 'notAccepted', [hello('stream', { clusterId: 2n })]],
  ['a stream of no member', 'notMember', [hello('stream', { memberId: 0n })]],
  ['a snapshot of no member', 'notMember', [hello('snapshot', { memberId: 0n })]],
  ['a second introduction', 'malformed', [hello('stream'), hello('stream')]],
  ['a frame of no known type', 'malformed', [hello('stream'), frame(200)]],
  ['a pong to who dialled nobody', 'malformed', [hello('stream'), frame(frameType.pong)]],
  ['a ping with a body', 'malformed', [hello('stream'), frame(frameType.ping, Buffer.of(1))]],
  [
    'messages that are none',
    'malformed',
    [hello('stream'), frame(frameType.messages, Buffer.alloc(30, 0xff))],
  ],
  [
    'half a message',
    'malformed',
    [hello('stream'), frame(frameType.messages, encodeMessages([beat(7n, 1n)]).subarray(0, -1))],
  ],
  [
    'a message in the name of another member',
    'misdirected',
    [hello('stream'), frame(frameType.messages, encodeMessages([beat(8n, 1n)]))],
  ],
  [
    'a message for another member',
    'misdirected',
    [hello('stream'), frame(frameType.messages, encodeMessages([beat(7n, 2n)]))],
  ],
  ['a request on a stream', 'malformed', [hello('stream'), frame(frameType.request, Buffer.of(1), 1)]],
  ['a request without an id', 'malformed', [hello('request'), frame(frameType.request, Buffer.of(1))]],
  ['an answer to nothing', 'malformed', [hello('request'), frame(frameType.answer, Buffer.of(1), 1)]],
  [
    'a chunk without a header',
    'malformed',
    [hello('snapshot'), frame(frameType.snapshotChunk, Buffer.of(1))],
  ],
  ['an end without a beginning', 'malformed', [hello('snapshot'), frame(frameType.snapshotEnd)]],
  [
    'two headers of a snapshot',
    'malformed',
    [hello('snapshot'), frame(frameType.snapshotHeader), frame(frameType.snapshotHeader)],
  ],
  [
    'more of a snapshot than was asked for',
    'malformed',
    [
      hello('snapshot'),
      frame(frameType.snapshotHeader),
      frame(frameType.snapshotChunk, Buffer.alloc(90_000)),
    ],
  ],
  [
    'a chunk after the end',
    'malformed',
    [
      hello('snapshot'),
      frame(frameType.snapshotHeader),
      frame(frameType.snapshotEnd),
      frame(frameType.snapshotChunk, Buffer.of(1)),
    ],
  ],
]

describe('who does not keep to the protocol is refused, counted and does no harm', () => {
  test.each(offences)('%s', async (_, kind, said) => {
    const trial = begin({ options: { snapshotWindowBytes: 65_536 } })
    const a = await trial.member(1n)
    a.restore = () => new Promise(() => {})
    const raw = dialRaw(trial, a)
    raw.say(...said)
    await trial.eventually('it is hung up on', () => raw.isClosed)
    expect(trial.tcp(a).stats().refused[kind]).toBe(1)
    const warnings = trial.logger.lines.filter(({ level }) => level === 'warn')
    expect(warnings).toMatchObject([{ message: 'a peer was refused', fields: { refusal: kind } }])
    expect(a.received).toEqual([])
    // Somebody who does is served.
    const b = await trial.member(2n)
    b.transport.setPeers([a.peer])
    await trial.eventually(
      'messages arrive',
      () => a.rounds.length > 0,
      () => b.beat(1n, 1),
    )
  })

  test('and is told why', async () => {
    const trial = begin()
    const a = await trial.member(1n)
    const raw = dialRaw(trial, a)
    raw.say(hello('stream', { expected: 9n }))
    await trial.eventually('it is hung up on', () => raw.isClosed)
    expect(raw.frames().map(({ type, body }) => [type, body.toString()])).toEqual([
      [frameType.refuse, 'member 1 is here, not 9'],
    ])
  })

  test('each byte of an introduction may be wrong, in every way', async () => {
    const trial = begin()
    const a = await trial.member(1n)
    const said = hello('stream')
    const wrong = Array.from(said, (_, at) => {
      const raw = dialRaw(trial, a)
      const damaged = Buffer.from(said)
      damaged[at] = (damaged[at] ?? 0) ^ 0xff
      raw.say(damaged)
      raw.socket.end()
      return raw
    })
    await trial.eventually('all are hung up on', () => wrong.every(({ isClosed }) => isClosed))
    expect(wrong.flatMap((raw) => raw.frames()).filter(({ type }) => type !== frameType.refuse)).toEqual([])
  })

  test('a refusal is logged once for each place and reason', async () => {
    const trial = begin()
    const a = await trial.member(1n)
    for (let n = 1; n <= 5; n++) {
      const raw = dialRaw(trial, a)
      raw.say(Buffer.alloc(100, 0xff))
      await trial.eventually('it is hung up on', () => raw.isClosed)
      expect(trial.tcp(a).stats().refused.malformed).toBe(n)
    }
    expect(trial.logger.lines).toHaveLength(1)
  })
})

describe('who does not introduce itself', () => {
  test('in time is hung up on, however much it dribbles', async () => {
    const { clock, advance } = createStillTimers()
    const trial = begin({ clock })
    const a = await trial.member(1n)
    const raw = dialRaw(trial, a)
    const said = hello('stream')
    for (let at = 0; at < 10; at++) {
      raw.say(said.subarray(at, at + 1))
      await trial.pass(2)
      if (at === 9) break
      advance(500)
      expect(raw.isClosed).toBe(false)
    }
    advance(500)
    await trial.eventually('it is hung up on', () => raw.isClosed)
    expect(trial.tcp(a).stats().refused.slow).toBe(1)
  })

  test('leaves room: more connections than allowed are dropped, and counted', async () => {
    const trial = begin({ options: { connectionMaxCount: 3 } })
    const a = await trial.member(1n)
    const silent = Array.from({ length: 3 }, () => dialRaw(trial, a))
    await trial.eventually('they are accepted', () => trial.tcp(a).stats().connections === 3)
    const next = dialRaw(trial, a)
    await trial.eventually('it is dropped', () => next.isClosed)
    expect(trial.tcp(a).stats().refused.busy).toBe(1)
    for (const raw of silent) raw.socket.destroy()
    const b = await trial.member(2n)
    b.transport.setPeers([a.peer])
    await trial.eventually(
      'messages arrive',
      () => a.rounds.length > 0,
      () => b.beat(1n, 1),
    )
  })
})

describe('limits', () => {
  test('a member has one stream: a newer one replaces it', async () => {
    const trial = begin()
    const a = await trial.member(1n)
    const before = dialRaw(trial, a)
    before.say(hello('stream'), frame(frameType.messages, encodeMessages([beat(7n, 1n)])))
    await trial.eventually('messages arrive', () => a.rounds.length === 1)
    const after = dialRaw(trial, a)
    after.say(hello('stream'))
    await trial.eventually('the older one is closed', () => before.isClosed)
    after.say(frame(frameType.messages, encodeMessages([beat(7n, 1n)])))
    await trial.eventually('messages arrive', () => a.rounds.length === 2)
  })

  test('snapshots beyond the limit are refused while others are received', async () => {
    const trial = begin({ options: { snapshotMaxConcurrent: 1 } })
    const [a, b] = await trial.pair()
    let finish = (): void => {}
    b.restore = () => new Promise((resolve) => (finish = resolve))
    const send = (): Promise<void> => {
      return a.transport.sendSnapshot(2n, { header: Buffer.of(1), content: (async function* () {})() })
    }
    let begun = 0
    const restore = b.restore
    b.restore = (snapshot) => {
      begun++
      return restore(snapshot)
    }
    const first = send()
    await trial.eventually('it begins', () => begun === 1)
    await trial.rejects(send(), 'TRANSPORT_REFUSED', '1 snapshots are being received already')
    finish()
    await first
    const second = send()
    await trial.eventually('it begins', () => begun === 2)
    finish()
    await second
  })

  test('requests beyond the limit fail at once, at the end that asks', async () => {
    const trial = begin({ options: { requestMaxConcurrent: 2 } })
    const [a, b] = await trial.pair()
    const finish: (() => void)[] = []
    b.answer = (_, request) => new Promise((resolve) => finish.push(() => resolve(request)))
    const ask = (): Promise<Uint8Array> => a.transport.request(2n, Buffer.of(1))
    const waiting = [ask(), ask()]
    await expect(ask()).rejects.toMatchObject({ code: 'TRANSPORT_UNREACHABLE' })
    await trial.eventually('they are asked', () => finish.length === 2)
    for (const each of finish) each()
    await Promise.all(waiting)
  })

  test('and at the end that is asked', async () => {
    const trial = begin({ options: { requestMaxConcurrent: 2 } })
    const a = await trial.member(1n)
    a.answer = () => new Promise(() => {})
    const raw = dialRaw(trial, a)
    raw.say(hello('request'))
    for (let id = 0; id < 4; id++) raw.say(frame(frameType.request, Buffer.of(1), id))
    await trial.eventually('two fail', () => raw.frames().length === 3)
    const [welcome, ...failures] = raw.frames()
    expect(welcome?.type).toBe(frameType.welcome)
    expect(failures.map(({ type, body }) => [type, body.readUInt32LE(0)])).toEqual([
      [frameType.failure, 2],
      [frameType.failure, 3],
    ])
  })

  test('requests that are too large together fail, whoever asks', async () => {
    const trial = begin({ options: { frameMaxBytes: 65_536, queueMaxBytes: 131_072 } })
    const a = await trial.member(1n)
    let asked = 0
    a.answer = () => {
      asked++
      return new Promise(() => {})
    }
    const raws = [dialRaw(trial, a), dialRaw(trial, a), dialRaw(trial, a)]
    for (const raw of raws) raw.say(hello('request'), frame(frameType.request, Buffer.alloc(50_000), 1))
    await trial.eventually('one fails', () => raws.flatMap((raw) => raw.frames()).length === 4)
    expect(raws.flatMap((raw) => raw.frames()).map(({ type }) => type)).toContain(frameType.failure)
    expect(asked).toBe(2)
  })

  test('a request that waits for somebody who is not accepted any more is given up', async () => {
    const trial = begin()
    const [a, b] = await trial.pair()
    let asked = 0
    b.answer = () => {
      asked++
      return new Promise(() => {})
    }
    const waiting = a.transport.request(2n, Buffer.of(1))
    waiting.catch(() => {})
    await trial.eventually('it is asked', () => asked === 1)
    a.judge = () => 'its directory was emptied'
    a.transport.setPeers([b.peer])
    await trial.rejects(waiting, 'TRANSPORT_REFUSED', 'its directory was emptied')
  })

  test('requests, answers and headers that do not fit are refused', async () => {
    const trial = begin({ options: { frameMaxBytes: 65_536 } })
    const [a, b] = await trial.pair()
    const large = new Uint8Array(65_536)
    await trial.rejects(a.transport.request(2n, large), 'TRANSPORT_REFUSED', 'a request of 65536 bytes')
    b.answer = () => Promise.resolve(large)
    await trial.rejects(
      a.transport.request(2n, Buffer.of(1)),
      'TRANSPORT_REFUSED',
      'the answer has 65536 bytes',
    )
    const content = (async function* () {})()
    const snapshot = { header: new Uint8Array(65_537), content }
    await trial.rejects(a.transport.sendSnapshot(2n, snapshot), 'TRANSPORT_REFUSED', 'the header')
  })

  test('a message that does not fit is dropped, reported and logged; the others go on', async () => {
    const trial = begin({ options: { frameMaxBytes: 65_536 } })
    const [a, b] = await trial.pair()
    const payload = new Uint8Array(65_536)
    const entries = [{ index: 1, term: 1, type: 'command', payload } as const]
    const log = { previousIndex: 0, previousTerm: 0, commitIndex: 0, lastIndex: 1 }
    a.beat(2n, 1)
    a.transport.send([{ type: 'append', from: 1n, to: 2n, term: 1, entries, ...log }])
    a.beat(2n, 2)
    await trial.eventually('the others arrive', () => b.rounds.length === 2)
    expect([a.unreachable, b.received.length]).toEqual([[2n], 2])
    expect(trial.logger.lines).toContainEqual(
      expect.objectContaining({ level: 'error', message: 'a message is too large to be sent' }),
    )
    expect(trial.tcp(a).stats()).toMatchObject({ sentMessages: 2, droppedMessages: 1 })
    expect(trial.tcp(b).stats()).toMatchObject({ receivedMessages: 2 })
  })
})
