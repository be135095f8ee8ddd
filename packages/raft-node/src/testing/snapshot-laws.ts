import assert from 'node:assert/strict'
import type { IncomingSnapshot } from '../ports.ts'
import { bytes, law, plain } from './transport-case.ts'
import type { Trial } from './transport-case.ts'

const header = bytes('index 7')
const chunkBytes = 64 * 1024

/** A content that counts how much of it was asked for, and tells when it was released. */
class Source {
  given = 0
  isReleased = false
  readonly #trial: Trial
  readonly #chunks: number

  constructor(trial: Trial, chunks: number) {
    this.#trial = trial
    this.#chunks = chunks
  }

  async *content(): AsyncGenerator<Uint8Array> {
    try {
      for (; this.given < this.#chunks; this.given++) {
        if (this.given % 16 === 0) await this.#trial.pass(0)
        yield new Uint8Array(chunkBytes).fill(this.given)
      }
    } finally {
      this.isReleased = true
    }
  }
}

/** Takes a snapshot only as far as a case lets it. */
class Reader {
  readonly from: bigint[] = []
  taken = 0
  failure: unknown
  readonly #limit: () => number
  readonly #trial: Trial

  constructor(trial: Trial, limit: () => number) {
    this.#trial = trial
    this.#limit = limit
  }

  readonly restore = async ({ from, content }: IncomingSnapshot): Promise<void> => {
    this.from.push(from)
    try {
      for await (const chunk of content) {
        this.taken += chunk.length
        while (this.taken >= this.#limit()) await this.#trial.pass(1)
      }
    } catch (error) {
      this.failure = error
      throw error
    }
  }
}

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(bytes(text))
}

export const snapshotLaws = [
  law('a snapshot arrives whole, and its sender waits until it is safe', async (trial) => {
    const [a, b] = await trial.pair()
    const arrived: unknown[] = []
    let isSafe = false
    b.restore = async ({ from, header: told, content }) => {
      let text = ''
      for await (const chunk of content) text += new TextDecoder().decode(chunk)
      await trial.pass(10)
      arrived.push([from, new TextDecoder().decode(told), text])
      isSafe = true
    }
    const transfer = a.transport.sendSnapshot(2n, { header, content: chunks('a', '', 'bc', 'd') })
    await trial.settled(transfer.then(() => assert.ok(isSafe)))
    assert.deepEqual(arrived, [[1n, 'index 7', 'abcd']])
  }),
  law('a snapshot may be empty, or larger than any buffer', async (trial) => {
    const [a, b] = await trial.pair()
    const sizes: number[] = []
    b.restore = async ({ content }) => {
      let size = 0
      for await (const chunk of content) size += chunk.length
      sizes.push(size)
    }
    for (const count of [0, 400]) {
      const content = new Source(trial, count).content()
      await trial.settled(a.transport.sendSnapshot(2n, { header: new Uint8Array(), content }))
    }
    assert.deepEqual(sizes, [0, 400 * chunkBytes])
  }),
  law('a slow receiver slows the sender, and no messages', async (trial) => {
    const [a, b] = await trial.pair()
    let limit = 1
    const reader = new Reader(trial, () => limit)
    b.restore = reader.restore
    const source = new Source(trial, 1_000)
    const transfer = a.transport.sendSnapshot(2n, { header, content: source.content() })
    await trial.eventually('it begins', () => reader.taken > 0)
    await trial.eventually(
      'messages arrive',
      () => b.rounds.length > 99,
      (n) => a.beat(2n, n),
    )
    assert.ok(source.given < 500, `${source.given} chunks were taken from the source, one was read`)
    limit = Infinity
    await trial.settled(transfer)
    assert.equal(reader.taken, 1_000 * chunkBytes)
  }),
  law('a failure of the receiver is told with its reason, and releases the source', async (trial) => {
    const [a, b] = await trial.pair()
    b.restore = async ({ content }) => {
      for await (const chunk of content)
        throw new Error(`the disk is full, ${chunk.length} bytes are missing`)
    }
    const source = new Source(trial, 1_000)
    const transfer = a.transport.sendSnapshot(2n, { header, content: source.content() })
    await trial.rejects(transfer, 'TRANSPORT_REFUSED', 'the disk is full')
    await trial.eventually('the source is released', () => source.isReleased)
    assert.ok(source.given < 1_000)
  }),
  law('a receiver may know enough before the end', async (trial) => {
    const [a, b] = await trial.pair()
    b.restore = async ({ content }) => {
      const first = await content[Symbol.asyncIterator]().next()
      assert.equal(first.done, false)
    }
    const source = new Source(trial, 1_000)
    await trial.settled(a.transport.sendSnapshot(2n, { header, content: source.content() }))
    await trial.eventually('the source is released', () => source.isReleased)
  }),
  law('a content that fails is the failure of both ends', async (trial) => {
    const [a, b] = await trial.pair()
    const reader = new Reader(trial, () => Infinity)
    b.restore = reader.restore
    const reason = new Error('the file is gone')
    const content = (async function* () {
      yield* chunks('a', 'b')
      throw reason
    })()
    const transfer = a.transport.sendSnapshot(2n, { header, content })
    await assert.rejects(trial.settled(transfer), reason)
    await trial.eventually('the receiver learns of it', () => reader.failure !== undefined)
  }),
  law('a signal ends the transfer at both ends', async (trial) => {
    const [a, b] = await trial.pair()
    const reason = new Error('enough')
    const never = { header, content: chunks('a') }
    await assert.rejects(a.transport.sendSnapshot(2n, never, { signal: AbortSignal.abort(reason) }), reason)
    const reader = new Reader(trial, () => Infinity)
    b.restore = reader.restore
    const source = new Source(trial, Infinity)
    const controller = new AbortController()
    const options = { signal: controller.signal }
    const transfer = a.transport.sendSnapshot(2n, { header, content: source.content() }, options)
    transfer.catch(() => {})
    await trial.eventually('it begins', () => reader.taken > 0)
    controller.abort(reason)
    await assert.rejects(transfer, reason)
    await trial.eventually('the receiver learns of it', () => reader.failure !== undefined)
    await trial.eventually('the source is released', () => source.isReleased)
  }),
  law('who closes ends its transfers', async (trial) => {
    for (const closing of ['sender', 'receiver'] as const) {
      const [a, b] = await trial.pair()
      const reader = new Reader(trial, () => Infinity)
      b.restore = reader.restore
      const source = new Source(trial, Infinity)
      const transfer = a.transport.sendSnapshot(2n, { header, content: source.content() })
      transfer.catch(() => {})
      await trial.eventually('it begins', () => reader.taken > 0)
      await trial.settled((closing === 'sender' ? a : b).transport.close())
      await trial.rejects(transfer, closing === 'sender' ? 'TRANSPORT_CLOSED' : 'TRANSPORT_UNREACHABLE')
      await trial.eventually('the receiver learns of it', () => reader.failure !== undefined)
      await trial.eventually('the source is released', () => source.isReleased)
    }
  }),
  law('a snapshot for nobody fails', async (trial) => {
    const a = await trial.member(1n)
    const snapshot = { header, content: chunks('a') }
    await trial.rejects(a.transport.sendSnapshot(9n, snapshot), 'TRANSPORT_UNREACHABLE')
    a.transport.setPeers([{ id: 9n, addresses: [await trial.vacancy()] }])
    await trial.rejects(a.transport.sendSnapshot(9n, snapshot), 'TRANSPORT_UNREACHABLE')
  }),
  law('snapshots to several members at once do not disturb each other', async (trial) => {
    const members = [await trial.member(1n), await trial.member(2n), await trial.member(3n)] as const
    const [a, ...others] = members
    await trial.connect(...members)
    const arrived = new Map<bigint, string>()
    for (const member of others) {
      member.restore = async ({ content }) => {
        const all: Uint8Array[] = []
        for await (const chunk of content) all.push(chunk)
        arrived.set(member.id, plain(all.map((chunk) => new TextDecoder().decode(chunk)).join('')))
      }
    }
    const transfers = others.map(({ id }) =>
      a.transport.sendSnapshot(id, { header, content: chunks('for ', String(id)) }),
    )
    await trial.settled(Promise.all(transfers))
    assert.deepEqual([...arrived].sort(), [
      [2n, '"for 2"'],
      [3n, '"for 3"'],
    ])
  }),
]
