import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createRandom, invariant, type Random } from '@orrery/environment'
import { openStore, type Store } from '@orrery/store'
import { createSimulatedDisk, type SimulatedDisk } from '@orrery/wal/testing'
import { describe, expect, test } from 'vitest'
import { openStoreOn } from '../src/open-store.ts'
import { closedLater, freshPath, stillEnvironment } from './support.ts'

const all = { key: '\0', rangeEnd: '\0' }

/** What was answered: the present of the store may be ahead of it, never behind. */
class Acknowledged {
  /** `key=value` by revision. */
  readonly puts = new Map<number, string>()
  readonly leases = new Set<bigint>()
  revision = 1
  compactRevision = -1
  /** Of the history up to `hashRevision`. */
  hash: number | undefined
  hashRevision = 0

  async noteHash(store: Store): Promise<void> {
    const { hash, hashRevision } = await store.hashKv()
    this.hash = hash
    this.hashRevision = hashRevision
  }

  notePut(revision: number, text: string): void {
    this.puts.set(revision, text)
    this.revision = Math.max(this.revision, revision)
  }
}

/** A store whose log is on a disk that loses power, with a backend that is as far as its last flush. */
class CrashingStore {
  readonly known = new Acknowledged()
  readonly #random: Random
  readonly #directory = freshPath()
  #disk: SimulatedDisk = createSimulatedDisk()
  #store: Store | undefined
  #order = 0

  constructor(random: Random) {
    this.#random = random
    mkdirSync(this.#directory)
  }

  get store(): Store {
    invariant(this.#store !== undefined, 'it is opened first')
    return this.#store
  }

  async open(): Promise<void> {
    // Its time stands still: the backend writes when it is flushed, and not otherwise.
    const environment = stillEnvironment(this.#random.uint32())
    this.#store = await openStoreOn(
      { directory: this.#directory, environment, disk: this.#disk },
      { leaseRevokeMaxKeys: 3 },
    )
  }

  async step(): Promise<void> {
    const { store, known } = this
    const random = this.#random
    switch (random.below(10)) {
      case 0:
        await store.flush()
        break
      case 1: {
        const { revision } = await store.deleteRange({ key: this.#key() })
        known.revision = revision
        break
      }
      case 2: {
        const { id } = await store.leases.grant({ ttlMs: 1_000_000 })
        known.leases.add(id)
        for (let n = 0; n < 8; n++) await this.put(id)
        break
      }
      case 3: {
        const [id] = known.leases
        if (id === undefined) break
        known.revision = (await store.leases.revoke(id)).revision
        known.leases.delete(id)
        break
      }
      case 4: {
        const revision = known.revision - random.below(10)
        if (revision <= Math.max(known.compactRevision, 1)) break
        await store.compact({ revision, physical: random.below(2) === 0 })
        known.compactRevision = revision
        break
      }
      default:
        await this.put()
    }
  }

  async put(lease = 0n): Promise<void> {
    const key = this.#key()
    const value = String(this.#order++)
    const { revision } = await this.store.put({ key, value, lease })
    this.known.notePut(revision, `${key}=${value}`)
  }

  /** Power fails while writes are under way; then the store is opened again. */
  async crash(): Promise<void> {
    const random = this.#random
    await this.known.noteHash(this.store)
    const pending = Array.from({ length: random.below(5) }, () => this.put().catch(() => {}))
    const leases = [...this.known.leases]
    const dying = random.below(2) === 0 ? leases[0] : undefined
    if (dying !== undefined) {
      this.known.leases.delete(dying)
      pending.push(
        this.store.leases.revoke(dying).then(
          () => {},
          () => {},
        ),
      )
    }
    for (let turns = random.below(12); turns > 0; turns--) await Promise.resolve()
    const backup = `${this.#directory}-backup`
    cpSync(join(this.#directory, 'db'), backup, { recursive: true })
    this.#disk = this.#disk.crash({ type: 'random', random })
    await Promise.all(pending)
    await this.store.close()
    rmSync(join(this.#directory, 'db'), { recursive: true })
    cpSync(backup, join(this.#directory, 'db'), { recursive: true })
    rmSync(backup, { recursive: true })
    await this.open()
    await this.check()
  }

  async restart(): Promise<void> {
    await this.known.noteHash(this.store)
    await this.store.close()
    this.#disk = this.#disk.share()
    await this.open()
    await this.check()
  }

  async check(): Promise<void> {
    const { store, known } = this
    const { revision, compactRevision } = store.status()
    expect(revision).toBeGreaterThanOrEqual(known.revision)
    expect(compactRevision).toBe(known.compactRevision)
    const { hash } = await store.hashKv({ revision: known.hashRevision })
    expect(hash).toBe(known.hash)
    const leases = new Set(await store.leases.list())
    for (const id of known.leases) expect(leases.has(id)).toBe(true)
    await this.#checkWatch(Math.max(compactRevision + 1, 1), revision)
    known.revision = revision
  }

  /** A watch from the last compaction on sees every put that was answered, once and in order. */
  async #checkWatch(startRevision: number, revision: number): Promise<void> {
    if (startRevision > revision) return
    const seen = new Map<number, string>()
    await using stream = this.store.openWatchStream()
    stream.create({ ...all, startRevision })
    stream.requestProgress()
    let last = 0
    for await (const responses of stream) {
      for (const response of responses) {
        if (response.type !== 'events') continue
        for (const { type, kv } of response.events) {
          expect(kv.modRevision).toBeGreaterThanOrEqual(last)
          last = kv.modRevision
          if (type === 'put') seen.set(last, `${kv.keyString}=${Buffer.from(kv.value).toString()}`)
        }
      }
      if (responses.at(-1)?.type === 'progress') break
    }
    const expected = [...this.known.puts].filter(([at]) => at >= startRevision).sort(([a], [b]) => a - b)
    expect([...seen].filter(([at]) => this.known.puts.has(at))).toEqual(expected)
  }

  #key(): string {
    return `k${this.#random.below(9)}`
  }
}

describe('a store that loses power', () => {
  test.each([1, 2, 3, 4, 5, 6])('has everything that was answered, seed %i', async (seed) => {
    const random = createRandom(seed)
    const subject = new CrashingStore(random)
    await subject.open()
    try {
      for (let life = 0; life < 4; life++) {
        for (let n = 0; n < 40; n++) await subject.step()
        if (random.below(4) === 0) await subject.restart()
        else await subject.crash()
      }
      // A compaction that was interrupted is finished.
      await subject.put()
      await subject.store.compact({ revision: subject.store.status().revision, physical: true })
      const { keys } = subject.store.status()
      expect((await subject.store.range(all)).kvs).toHaveLength(keys)
    } finally {
      await subject.store.close()
    }
  })
})

describe('a store that is closed and opened again', () => {
  test('goes on where it was, under the same name', async () => {
    const directory = freshPath()
    const first = await openStore({ directory })
    const { id } = await first.leases.grant({ ttlMs: 600_000 })
    await first.put({ key: 'a', value: '1', lease: id })
    await first.txn({
      success: [
        { type: 'put', key: 'b', value: '2' },
        { type: 'deleteRange', key: 'x' },
      ],
    })
    const before = first.status()
    const hash = await first.hashKv()
    await first.close()

    const second = closedLater(await openStore({ directory }))
    const { clusterId, memberId, revision, keys } = second.status()
    expect({ clusterId, memberId, revision, keys }).toEqual({
      clusterId: before.clusterId,
      memberId: before.memberId,
      revision: before.revision,
      keys: 2,
    })
    expect(await second.hashKv()).toEqual(hash)
    expect((await second.leases.timeToLive(id, { keys: true }))?.keys).toEqual([Buffer.from('a')])
    expect(await second.leases.keepAlive(id)).toEqual({ ttlMs: 600_000 })
    expect((await second.put({ key: 'c' })).revision).toBe(revision + 1)
  })

  test('lets leases expire that nobody renews', async () => {
    const directory = freshPath()
    const first = await openStore({ directory }, { leaseTtlMinMs: 1 })
    const { id } = await first.leases.grant({ ttlMs: 200 })
    await first.put({ key: 'a', value: '', lease: id })
    const { revision } = first.status()
    await first.close()
    const second = closedLater(await openStore({ directory }))
    for await (const { events } of second.watch({ key: 'a', startRevision: revision + 1 })) {
      expect(events.map(({ type }) => type)).toEqual(['delete'])
      break
    }
  })

  test('goes on with a compaction and a revocation that were cut off', async () => {
    const directory = freshPath()
    const first = await openStore({ directory }, { leaseRevokeMaxKeys: 2 })
    const { id } = await first.leases.grant({ ttlMs: 600_000 })
    await Promise.all(Array.from({ length: 30 }, (_, n) => first.put({ key: `k${n}`, lease: id })))
    for (let n = 0; n < 50; n++) await first.put({ key: 'n', value: String(n) })
    await first.compact({ revision: first.status().revision })
    const revoking = first.leases.revoke(id).catch((error: unknown) => error)
    await first.deleteRange({ key: 'none' })
    await first.close()
    expect(await revoking).toMatchObject({ code: 'STORE_CLOSED' })

    const second = closedLater(await openStore({ directory }))
    const { revision, keys } = second.status()
    expect(keys).toBeGreaterThan(1)
    // Nobody asks for it again.
    for await (const { events } of second.watch({ key: 'k', rangeEnd: 'l', startRevision: revision + 1 })) {
      expect(events.every(({ type }) => type === 'delete')).toBe(true)
      if (second.status().keys === 1) break
    }
    expect(await second.leases.timeToLive(id)).toBeUndefined()
    await second.compact({ revision: second.status().revision, physical: true })
  })

  test('applies nothing again that was flushed, and the rest once', async () => {
    const directory = freshPath()
    mkdirSync(directory)
    const disk = createSimulatedDisk()
    const openHere = async (on: SimulatedDisk): Promise<{ store: Store; replayed: unknown[] }> => {
      const environment = stillEnvironment()
      const store = closedLater(await openStoreOn({ directory, environment, disk: on }))
      const lines = environment.logger.lines.filter(({ message }) => message.includes('applied again'))
      return { store, replayed: lines.map(({ fields }) => fields) }
    }
    const first = await openHere(disk)
    for (let n = 0; n < 5; n++) await first.store.put({ key: 'a', value: String(n) })
    await first.store.close()
    const second = await openHere(disk.share())
    expect(second.replayed).toEqual([])
    await second.store.put({ key: 'a', value: '5' })
    await second.store.flush()
    cpSync(join(directory, 'db'), `${directory}-flushed`, { recursive: true })
    await second.store.put({ key: 'a', value: '6' })
    await second.store.put({ key: 'a', value: '7' })
    await second.store.close()
    rmSync(join(directory, 'db'), { recursive: true })
    cpSync(`${directory}-flushed`, join(directory, 'db'), { recursive: true })
    const third = await openHere(disk.share())
    expect(third.replayed).toEqual([{ from: 7, to: 8 }])
    expect((await third.store.get('a'))?.version).toBe(8)
  })
})
