import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createMemoryStore, openStore, restoreSnapshot } from '@orrery/store'
import { beforeAll, describe, expect, test } from 'vitest'
import { readSnapshot } from '../src/snapshot-reader.ts'
import { closedLater, errorOf, freshPath, nextTurns } from './support.ts'

const invalid = { code: 'STORE_SNAPSHOT_INVALID' }

/** Of a small store that has of everything: keys, tombstones, compaction, leases, alarms. */
let snapshot: Buffer
let hash: number

beforeAll(async () => {
  await using store = createMemoryStore()
  const { id } = await store.leases.grant({ ttlMs: 60_000 })
  await store.put({ key: 'a', value: '1', lease: id })
  await store.put({ key: 'a', value: '2' })
  await store.deleteRange({ key: 'a' })
  await store.put({ key: 'b', value: Buffer.alloc(100, 1), lease: id })
  await store.compact({ revision: 3, physical: true })
  await store.alarms.activate({ memberId: 0n, type: 'corrupt' })
  hash = (await store.hashKv()).hash
  snapshot = await bytesOf(store.snapshot())
})

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const kept: Uint8Array[] = []
  for await (const chunk of chunks) kept.push(chunk)
  return Buffer.concat(kept)
}

async function itemsOf(chunks: Iterable<Uint8Array>): Promise<unknown[]> {
  const items: unknown[] = []
  for await (const item of readSnapshot(chunks)) items.push(item)
  return items
}

function* split(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

/** As an etcd server sends it, and as `etcdctl snapshot save` writes it. */
function asSaved(bytes: Buffer): { padded: Buffer; saved: Buffer } {
  const padded = Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
  return { padded, saved: Buffer.concat([padded, createHash('sha256').update(padded).digest()]) }
}

describe('a snapshot', () => {
  test('reads the same, however it is cut into chunks', async () => {
    const whole = await itemsOf([snapshot])
    expect(whole.length).toBeGreaterThan(6)
    for (const length of [1, 7, 64, 1_000]) {
      expect((await itemsOf(split(snapshot, length))).length).toBe(whole.length)
    }
    expect(await itemsOf([new Uint8Array(0), snapshot, new Uint8Array(0)])).toEqual(whole)
  })

  test('that ends early is invalid, at every byte', async () => {
    for (let length = 0; length < snapshot.length; length++) {
      expect(await errorOf(itemsOf([snapshot.subarray(0, length)]))).toMatchObject(invalid)
    }
  })

  test('with any bit flipped is invalid', async () => {
    for (let at = 0; at < snapshot.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(snapshot)
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit)
        const error = await errorOf(itemsOf([damaged]))
        if (error === undefined) throw new Error(`bit ${bit} of byte ${at} may be flipped`)
        expect(error).toMatchObject(invalid)
      }
    }
  })

  test('of nothing, or of something else, is invalid', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('SQLite format 3\0'.repeat(9)), Buffer.alloc(4_096)]) {
      expect(await errorOf(itemsOf([bytes]))).toMatchObject(invalid)
    }
  })

  test('may claim any length and costs no more than its own bytes', async () => {
    const claim = Buffer.concat([snapshot.subarray(0, 18), Buffer.from([1, 0xff, 0xff, 0xff, 0x3f])])
    expect(await errorOf(itemsOf([claim]))).toMatchObject(invalid)
    const tooLarge = Buffer.concat([snapshot.subarray(0, 18), Buffer.from([1, 0xff, 0xff, 0xff, 0xff])])
    expect(await errorOf(itemsOf([tooLarge]))).toMatchObject(invalid)
  })

  test('may come as etcdctl saved it: filled up to a sector, with a checksum behind it', async () => {
    const whole = await itemsOf([snapshot])
    const { padded, saved } = asSaved(snapshot)
    const bare = Buffer.concat([snapshot, createHash('sha256').update(snapshot).digest()])
    for (const bytes of [padded, saved, bare]) {
      expect(await itemsOf([bytes])).toEqual(whole)
      expect((await itemsOf(split(bytes, 100))).length).toBe(whole.length)
    }
  })

  test('with anything else behind it is invalid', async () => {
    const { padded, saved } = asSaved(snapshot)
    const wrong = Buffer.from(saved)
    wrong[saved.length - 1] = (wrong[saved.length - 1] ?? 0) ^ 1
    const dirty = Buffer.from(padded)
    dirty[padded.length - 1] = 1
    const cases = [
      wrong,
      dirty,
      Buffer.concat([saved, Buffer.alloc(1)]),
      Buffer.concat([snapshot, Buffer.alloc(1)]),
      Buffer.concat([snapshot, snapshot]),
      saved.subarray(0, saved.length - 1),
    ]
    for (const bytes of cases) {
      expect(await errorOf(itemsOf([bytes]))).toMatchObject(invalid)
      expect(await errorOf(itemsOf(split(bytes, 50)))).toMatchObject(invalid)
    }
  })
})

test('a compaction that waits for its space waits for the snapshots that are being read', async () => {
  await using store = createMemoryStore()
  for (let n = 0; n < 10; n++) await store.put({ key: 'a', value: String(n) })
  const { sizeInUseBytes } = store.status()
  const reading = store.snapshot()[Symbol.asyncIterator]()
  await reading.next()
  let compacted = false
  const compacting = store.compact({ revision: store.status().revision, physical: true }).then(() => {
    compacted = true
  })
  await nextTurns(10)
  expect([compacted, store.status().sizeInUseBytes >= sizeInUseBytes]).toEqual([false, true])
  while ((await reading.next()).done !== true);
  await compacting
  expect(store.status().sizeInUseBytes).toBeLessThan(sizeInUseBytes)
})

describe('restoring a snapshot', () => {
  test('gives a store with the same history, alarms included', async () => {
    const directory = freshPath()
    await restoreSnapshot([asSaved(snapshot).saved], { directory })
    const store = closedLater(await openStore({ directory }))
    expect((await store.hashKv()).hash).toBe(hash)
    expect(store.status()).toMatchObject({ revision: 5, compactRevision: 3, keys: 1 })
    expect(store.alarms.list()).toMatchObject([{ type: 'corrupt' }])
  })

  test('refuses damaged ones and leaves no store behind', async () => {
    const directory = freshPath()
    const damages = [snapshot.subarray(0, 200), snapshot.subarray(0, snapshot.length - 1)]
    // Each in another field: a name, the numbers of a revision, its length, its record.
    for (const at of [30, 60, 120, 160, 200, 240, snapshot.length - 20]) {
      const damaged = Buffer.from(snapshot)
      damaged[at] = (damaged[at] ?? 0) ^ 0x80
      damages.push(damaged)
    }
    for (const damaged of damages) {
      expect(await errorOf(restoreSnapshot([damaged], { directory }))).toMatchObject(invalid)
      expect(existsSync(join(directory, 'db'))).toBe(false)
    }
    await restoreSnapshot([snapshot], { directory })
  })

  test('passes on why its source failed, and leaves no store behind', async () => {
    const directory = freshPath()
    const reason = new Error('connection lost')
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield await Promise.resolve(snapshot.subarray(0, 100))
      throw reason
    }
    expect(await errorOf(restoreSnapshot(failing(), { directory }))).toBe(reason)
    expect(existsSync(join(directory, 'db'))).toBe(false)
  })

  test('never goes over a store, one that is open neither', async () => {
    const directory = freshPath()
    const store = await openStore({ directory })
    await store.put({ key: 'precious', value: '1' })
    expect(await errorOf(restoreSnapshot([snapshot], { directory }))).toMatchObject({ code: 'STORE_LOCKED' })
    await store.close()
    expect(await errorOf(restoreSnapshot([snapshot], { directory }))).toMatchObject({
      code: 'STORE_NOT_EMPTY',
    })
    const again = closedLater(await openStore({ directory }))
    expect((await again.get('precious'))?.version).toBe(1)
  })
})
