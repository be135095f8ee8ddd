import type { Entry } from '@orrery/raft'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { contentOf, headerOf, type NodeProposal, ownPayload, proposalHeadroomBytes } from '../src/proposal.ts'
import { ProposalBook } from '../src/proposal-book.ts'

interface Trial extends NodeProposal {
  readonly name: string
  readonly errors: string[]
}

function proposal(name: string, isLeaderOnly = false): Trial {
  const errors: string[] = []
  return {
    name,
    errors,
    isLeaderOnly,
    payload: Buffer.concat([Buffer.alloc(proposalHeadroomBytes), Buffer.from(name)]),
    reject: (error) => void errors.push((error as Error & { code: string }).code),
  }
}

function entry(index: number, term: number, payload: Uint8Array = Buffer.alloc(0)): Entry {
  return { index, term, type: payload.length === 0 ? 'empty' : 'command', payload }
}

const session = 7n
const membership = {
  voters: [1n],
  outgoingVoters: [],
  learners: [],
  nextLearners: [],
  leavesAutomatically: false,
}

function bookOf(...proposals: readonly Trial[]): ProposalBook<Trial> {
  const book = new ProposalBook<Trial>(session)
  for (const one of proposals) book.add(one, { expiresMs: 1_000, term: 5 })
  return book
}

describe("a proposal in this member's own log", () => {
  test('comes back with its entry, once', () => {
    const a = proposal('a')
    const book = bookOf(a)
    book.appended(1, 10, 5)
    expect(book.take(entry(9, 5))).toBeUndefined()
    expect(book.take(entry(10, 5, ownPayload(a.payload)))).toBe(a)
    book.rejectAll(new Error('too late'))
    expect(a.errors).toEqual([])
    expect([book.size, book.bytes]).toEqual([0, 0])
  })

  test('is proposed again only when an entry of a later term was taken in its place', () => {
    const a = proposal('a')
    const book = bookOf(a)
    book.appended(1, 10, 5)
    book.take(entry(9, 5))
    expect(book.hasQueued).toBe(false)
    expect(book.take(entry(10, 6))).toBeUndefined()
    expect(book.queued()).toEqual([a])
  })

  test('goes before those that were proposed after it', () => {
    const [a, b, c] = [proposal('a'), proposal('b'), proposal('c')]
    const book = bookOf(a, b)
    book.appended(2, 10, 5)
    book.add(c, { expiresMs: 1_000, term: 0 })
    book.take(entry(10, 6))
    expect(book.queued()).toEqual([a, b, c])
  })
})

describe('a forwarded proposal', () => {
  test('comes back with whichever entry carries its name', () => {
    const a = proposal('a')
    const book = bookOf(a)
    const [payload = Buffer.alloc(0)] = book.forward(5, 0)
    expect(book.take(entry(10, 5, ownPayload(proposal('a').payload)))).toBeUndefined()
    expect(book.take(entry(11, 5, payload))).toBe(a)
    expect(book.take(entry(12, 5, payload))).toBeUndefined()
    expect(Buffer.from(contentOf(payload)).toString()).toBe('a')
  })

  test('of another session is not taken for its own', () => {
    const book = bookOf(proposal('a'))
    book.forward(5, 0)
    const other = new ProposalBook<Trial>(8n)
    other.add(proposal('x'), { expiresMs: 1_000, term: 0 })
    expect(book.take(entry(10, 5, other.forward(5, 0)[0]))).toBeUndefined()
  })

  test('is sent again under the same name in the same term only', () => {
    const book = bookOf(proposal('a'))
    const [payload] = book.forward(5, 100)
    expect(book.resend(5, 99, 200)).toEqual([])
    expect(book.resend(6, 100, 200)).toEqual([])
    expect(book.resend(5, 100, 200)).toEqual([payload])
    expect(book.resend(5, 199, 300)).toEqual([])
  })

  test('gets another name for another term', () => {
    const book = bookOf(proposal('a'))
    const [first = Buffer.alloc(0)] = book.forward(5, 0)
    book.take(entry(10, 6))
    const [second = Buffer.alloc(0)] = book.forward(6, 0)
    expect(headerOf(first)).toMatchObject({ origin: { sequence: 1, settledBelow: 1 } })
    expect(headerOf(second)).toMatchObject({ origin: { sequence: 2, settledBelow: 2 } })
  })

  test('names as settled only what will never be sent again', () => {
    const book = bookOf(proposal('a'), proposal('b'))
    const [, b] = book.forward(5, 0)
    book.take(entry(10, 5, b))
    book.add(proposal('c'), { expiresMs: 1_000, term: 0 })
    expect(headerOf(book.forward(5, 0)[0] ?? Buffer.alloc(0))).toMatchObject({
      origin: { sequence: 3, settledBelow: 1 },
    })
  })
})

describe('a leader-only proposal', () => {
  test('is refused when its term is over before it was appended', () => {
    for (const term of [undefined, 6]) {
      const [a, b] = [proposal('a', true), proposal('b')]
      const book = bookOf(a, b)
      book.refuseTermOver(5)
      expect(a.errors).toEqual([])
      book.refuseTermOver(term)
      expect(a.errors).toEqual(['NODE_TERM_OVER'])
      expect(book.queued()).toEqual([b])
    }
  })

  test('is refused when a later term replaced it in the log', () => {
    const a = proposal('a', true)
    const book = bookOf(a)
    book.appended(1, 10, 5)
    book.take(entry(10, 6))
    expect(a.errors).toEqual(['NODE_TERM_OVER'])
    expect(book.size).toBe(0)
  })

  test('comes back when it was committed all the same', () => {
    const a = proposal('a', true)
    const book = bookOf(a)
    book.appended(1, 10, 5)
    book.refuseTermOver(undefined)
    expect(book.take(entry(10, 5, ownPayload(a.payload)))).toBe(a)
  })
})

describe('a proposal that waits too long', () => {
  test('is answered, wherever it is, and forgotten but for its place in the log', () => {
    const [a, b, c] = [proposal('a'), proposal('b'), proposal('c')]
    const book = bookOf(a)
    book.appended(1, 10, 5)
    book.add(b, { expiresMs: 1_000, term: 0 })
    book.forward(5, 0)
    book.add(c, { expiresMs: 1_000, term: 0 })
    book.expire(999)
    expect(book.size).toBe(3)
    book.expire(1_000)
    expect([a, b, c].map(({ errors }) => errors)).toEqual(Array(3).fill(['NODE_TIMED_OUT']))
    expect(book.bytes).toBe(0)
    expect(book.take(entry(10, 5, ownPayload(a.payload)))).toBeUndefined()
    expect(book.size).toBe(0)
  })

  test('is not proposed again', () => {
    const book = bookOf(proposal('a'))
    book.appended(1, 10, 5)
    book.expire(1_000)
    book.take(entry(10, 6))
    expect(book.hasQueued).toBe(false)
  })

  test('may be followed by another one from whoever is told', () => {
    const next = proposal('next')
    const book = new ProposalBook<Trial>(session)
    book.add(
      { ...proposal('a'), reject: () => book.add(next, { expiresMs: 2_000, term: 0 }) },
      { expiresMs: 1_000, term: 0 },
    )
    book.expire(1_000)
    expect(book.queued()).toEqual([next])
  })
})

describe('a snapshot', () => {
  test('leaves it unknown what became of proposals that it covers, and of forwarded ones', () => {
    const [a, b, c] = [proposal('a'), proposal('b'), proposal('c')]
    const book = bookOf(a)
    book.appended(1, 10, 5)
    book.add(b, { expiresMs: 1_000, term: 0 })
    book.forward(5, 0)
    book.add(c, { expiresMs: 1_000, term: 0 })
    book.installed({ index: 10, term: 5, membership })
    expect([a, b, c].map(({ errors }) => errors)).toEqual([
      ['NODE_OUTCOME_UNKNOWN'],
      ['NODE_OUTCOME_UNKNOWN'],
      [],
    ])
    expect(book.queued()).toEqual([c])
  })

  test('of a later term shows that what lies behind it is lost', () => {
    const a = proposal('a')
    const book = bookOf(a)
    book.appended(1, 11, 5)
    book.installed({ index: 10, term: 6, membership })
    expect(a.errors).toEqual([])
    expect(book.queued()).toEqual([a])
  })

  test('of the same term leaves what lies behind it where it is', () => {
    const a = proposal('a')
    const book = bookOf(a)
    book.appended(1, 11, 5)
    book.installed({ index: 10, term: 5, membership })
    expect(book.take(entry(11, 5, ownPayload(a.payload)))).toBe(a)
  })
})

/**
 * One member that proposes, leaders that come and go, and logs that lose what is not committed. Leaders append what
 * they are given, once each in a term, as `ForwardedFilter` makes them.
 */
class World {
  readonly book = new ProposalBook<Trial>(session)
  readonly all: Trial[] = []
  readonly settled = new Map<string, number>()
  log: Entry[] = []
  committed = 0
  taken = 0
  term = 1
  isLeading = false
  #seen = new Set<number>()
  #onTheWay: { readonly term: number; readonly payload: Uint8Array }[] = []

  add(): void {
    const one = proposal(`p${this.all.length}`)
    this.all.push(one)
    this.book.add(one, { expiresMs: Infinity, term: this.isLeading ? this.term : 0 })
  }

  flush(): void {
    if (!this.isLeading) {
      for (const payload of this.book.forward(this.term, 0)) this.#onTheWay.push({ term: this.term, payload })
      return
    }
    const queued = this.book.queued()
    const firstIndex = this.log.length + 1
    for (const { payload } of queued) this.#append(ownPayload(payload))
    this.book.appended(queued.length, firstIndex, this.term)
  }

  resend(): void {
    if (this.isLeading) return
    for (const payload of this.book.resend(this.term, 0, 0)) this.#onTheWay.push({ term: this.term, payload })
  }

  /** The leader hears of a forwarded proposal; `isLost`: it does not. */
  arrive(isLost: boolean): void {
    const sent = this.#onTheWay.shift()
    if (sent === undefined || isLost || this.isLeading || sent.term !== this.term) return
    const header = headerOf(sent.payload)
    if (header?.kind !== 'forwarded' || this.#seen.has(header.origin.sequence)) return
    this.#seen.add(header.origin.sequence)
    this.#append(sent.payload)
  }

  /** Another term: everything that is not committed may be lost, from `keep` on. */
  elect(isLeading: boolean, keep: number): void {
    this.term++
    this.isLeading = isLeading
    this.#seen = new Set()
    const uncommitted = this.log.length - this.committed
    this.log = this.log.slice(0, this.committed + Math.min(keep, uncommitted))
    this.#append(Buffer.alloc(0))
  }

  /** Raft commits an entry of an earlier term only together with one of the present term. */
  commit(count: number): void {
    const index = Math.min(this.log.length, this.committed + count)
    if (index > this.committed && this.log[index - 1]?.term === this.term) this.committed = index
  }

  take(): void {
    while (this.taken < this.committed) {
      const next = this.log[this.taken++]
      if (next === undefined) return
      const one = this.book.take(next)
      if (one === undefined) continue
      expect(Buffer.from(contentOf(next.payload)).toString()).toBe(one.name)
      this.settled.set(one.name, (this.settled.get(one.name) ?? 0) + 1)
    }
  }

  #append(payload: Uint8Array): void {
    this.log.push(entry(this.log.length + 1, this.term, payload.slice()))
  }
}

const step = fc.oneof(
  fc.constant((world: World) => world.add()),
  fc.constant((world: World) => world.flush()),
  fc.constant((world: World) => world.resend()),
  fc.boolean().map((isLost) => (world: World) => world.arrive(isLost)),
  fc.tuple(fc.boolean(), fc.nat(4)).map(
    ([isLeading, keep]) =>
      (world: World) =>
        world.elect(isLeading, keep),
  ),
  fc.integer({ min: 1, max: 4 }).map((count) => (world: World) => world.commit(count)),
  fc.constant((world: World) => world.take()),
)

test('whatever leaders and logs do, each proposal is committed and answered exactly once in the end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const world = new World()
      for (const run of steps) run(world)
      // A leader that stays, and messages that arrive.
      world.elect(false, Infinity)
      for (let round = 0; round < 3; round++) {
        world.flush()
        world.resend()
        for (let n = 0; n < 200; n++) world.arrive(false)
        world.commit(Infinity)
        world.take()
      }
      const contents = world.log
        .slice(0, world.committed)
        .filter(({ type }) => type === 'command')
        .map(({ payload }) => Buffer.from(contentOf(payload)).toString())
      const names = world.all.map(({ name }) => name)
      expect([...contents].sort()).toEqual([...names].sort())
      expect([...world.settled]).toHaveLength(names.length)
      expect([...world.settled.values()].every((count) => count === 1)).toBe(true)
      expect(world.all.flatMap(({ errors }) => errors)).toEqual([])
      expect([world.book.size, world.book.bytes]).toEqual([0, 0])
    }),
    { numRuns: 1_000, seed: 1 },
  )
})
