import { createRandom, InvariantError } from '@orrery/environment'
import { bytesFromKey } from './key.ts'
import { createMemoryBackend } from './memory-backend.ts'
import { createMvcc, type Mvcc } from './mvcc.ts'
import type { Backend } from './ports.ts'

/** One thing that a backend has to do. */
export interface BackendCheck {
  /** A sentence about the behaviour, for the test's name. */
  readonly name: string
  /**
   * Checks it.
   *
   * @param backend a new, empty backend, which the caller closes
   * @throws Error when the backend does something else
   */
  readonly run: (backend: Backend) => void
}

/** The checks. Each needs a backend of its own. They show that it stores; that it is durable they cannot. */
export const backendConformance: readonly BackendCheck[] = [
  { name: 'gives back the record of a revision', run: givesBack },
  { name: 'keeps records of any size apart, whoever shares their memory', run: keepsApart },
  { name: 'throws an InvariantError for a revision that is not there', run: refusesMissing },
  { name: 'visits revisions in order of main and sub, from the given one on', run: scansInOrder },
  { name: 'ends a visit when it is told to', run: endsScan },
  { name: 'forgets what was deleted, and only that', run: forgets },
  { name: 'keeps named values beside the revisions', run: keepsMeta },
  { name: 'visits named values by prefix, in order of name', run: scansMeta },
  { name: 'holds what a reference holds, after many puts and deletions', run: matchesReference },
  { name: 'serves a store that is written, compacted and restored', run: servesStore },
]

/** One stored revision in plain values. */
interface Stored {
  readonly main: number
  readonly sub: number
  readonly tombstone: boolean
  readonly record: readonly number[]
}

function givesBack(backend: Backend): void {
  backend.put(2, 0, false, bytesFromKey('first'))
  backend.put(2, 1, false, bytesFromKey('second'))
  backend.put(Number.MAX_SAFE_INTEGER, 0, false, bytesFromKey('last'))
  expectSame('2.0', [...backend.get(2, 0)], [...bytesFromKey('first')])
  expectSame('2.1', [...backend.get(2, 1)], [...bytesFromKey('second')])
  expectSame('the largest revision', [...backend.get(Number.MAX_SAFE_INTEGER, 0)], [...bytesFromKey('last')])
}

function keepsApart(backend: Backend): void {
  const block = new Uint8Array(100_000).map((_, at) => at % 251)
  const lengths = [1, 0, 7, 300, 5_000, 70_000, 2]
  let at = 0
  for (const [i, length] of lengths.entries()) {
    backend.put(i + 2, 0, false, block.subarray(at, at + length))
    at += length
  }
  at = 0
  for (const [i, length] of lengths.entries()) {
    expectSame(`${length} bytes`, [...backend.get(i + 2, 0)], [...block.subarray(at, at + length)])
    at += length
  }
}

function refusesMissing(backend: Backend): void {
  backend.put(4, 1, false, bytesFromKey('here'))
  for (const [main, sub] of [
    [3, 0],
    [4, 0],
    [4, 2],
    [5, 0],
  ] as const) {
    expectInvariant(`${main}.${sub}`, () => backend.get(main, sub))
  }
  backend.delete(4, 1, false)
  expectInvariant('a deleted revision', () => backend.get(4, 1))
}

function scansInOrder(backend: Backend): void {
  // 255 and 256, 65535 and 65536: where an order by the wrong bytes would show.
  const mains = [2, 255, 256, 65_535, 65_536, 0x1_0000_0000]
  for (const main of mains) {
    for (let sub = 0; sub < 300; sub += 100)
      backend.put(main, sub, sub === 100, Uint8Array.of(main & 0xff, sub))
  }
  const all = mains.flatMap((main) =>
    [0, 100, 200].map((sub) => ({ main, sub, tombstone: sub === 100, record: [main & 0xff, sub] })),
  )
  expectSame('everything', stored(backend), all)
  expectSame('from 255.100', stored(backend, 255, 100), all.slice(4))
  expectSame('from 255.101', stored(backend, 255, 101), all.slice(5))
  expectSame('from 65537.0', stored(backend, 65_537, 0), all.slice(15))
  expectSame('from beyond the end', stored(backend, 0x1_0000_0001, 0), [])
}

function endsScan(backend: Backend): void {
  for (let main = 2; main < 10; main++) backend.put(main, 0, false, Uint8Array.of(main))
  const visited: number[] = []
  backend.scan(3, 0, (main) => {
    visited.push(main)
    return main < 5
  })
  expectSame('visited', visited, [3, 4, 5])
}

function forgets(backend: Backend): void {
  backend.put(2, 0, false, bytesFromKey('a'))
  backend.put(3, 0, true, bytesFromKey('b'))
  backend.put(3, 1, false, bytesFromKey('c'))
  backend.put(4, 0, true, bytesFromKey('d'))
  backend.delete(2, 0, false)
  backend.delete(3, 0, true)
  expectSame('left', stored(backend), [
    { main: 3, sub: 1, tombstone: false, record: [0x63] },
    { main: 4, sub: 0, tombstone: true, record: [0x64] },
  ])
}

function keepsMeta(backend: Backend): void {
  expectSame('an unknown name', backend.getMeta('mvcc/compact'), undefined)
  const value = Uint8Array.of(1, 2, 3)
  backend.setMeta('mvcc/compact', value)
  backend.setMeta('empty', new Uint8Array(0))
  value.fill(9)
  expectSame('a value that its writer changed since', [...(backend.getMeta('mvcc/compact') ?? [])], [1, 2, 3])
  expectSame('an empty value', backend.getMeta('empty')?.length, 0)
  backend.setMeta('mvcc/compact', Uint8Array.of(4))
  expectSame('a value set again', [...(backend.getMeta('mvcc/compact') ?? [])], [4])
  backend.setMeta('mvcc/compact', undefined)
  backend.setMeta('unknown', undefined)
  expectSame('a removed value', backend.getMeta('mvcc/compact'), undefined)
  expectSame('revisions', stored(backend), [])
}

function scansMeta(backend: Backend): void {
  const names = ['lease/2', 'lease/10', 'lease', 'leasf', 'lease/1', 'a', `lease/${'9'.repeat(190)}`]
  for (const name of names) backend.setMeta(name, bytesFromKey(name))
  const visited: string[] = []
  backend.scanMeta('lease/', (name, value) => {
    visited.push(name)
    expectSame(name, [...value], [...bytesFromKey(name)])
  })
  expectSame('visited', visited, ['lease/1', 'lease/10', 'lease/2', `lease/${'9'.repeat(190)}`])
}

function matchesReference(backend: Backend): void {
  const random = createRandom(1)
  let reference: Stored[] = []
  for (let main = 2; main < 3_000; main++) {
    for (let sub = random.below(3); sub >= 0; sub--) {
      const record = Array.from({ length: random.below(40) }, () => random.below(256))
      const entry = { main, sub: 2 - sub, tombstone: random.below(4) === 0, record }
      reference.push(entry)
      backend.put(main, entry.sub, entry.tombstone, Uint8Array.from(record))
    }
    // Mostly old revisions go, as in a compaction, but not all of them.
    if (main % 500 === 0) {
      reference = reference.filter((entry) => {
        if (entry.main > main - 100 || random.below(10) === 0) return true
        backend.delete(entry.main, entry.sub, entry.tombstone)
        return false
      })
    }
  }
  expectSame('revisions', stored(backend), reference)
  for (const { main, sub, tombstone, record } of reference) {
    if (!tombstone) expectSame(`${main}.${sub}`, [...backend.get(main, sub)], record)
  }
}

function servesStore(backend: Backend): void {
  const twin = createMemoryBackend()
  const [store, reference] = [workload(backend), workload(twin)]
  expectSame('hash', hashOf(store), hashOf(reference))
  const all = { key: '\0', rangeEnd: '\0' }
  const before = store.range(all).kvs.map(({ record }) => [...record])
  expectSame(
    'keys',
    before,
    reference.range(all).kvs.map(({ record }) => [...record]),
  )
  const restored = restore(backend)
  expectSame('restored revision', restored.revision, store.revision)
  expectSame(
    'restored keys',
    restored.range(all).kvs.map(({ record }) => [...record]),
    before,
  )
  while (restored.compactStep(100));
  while (reference.compactStep(100));
  expectSame('revisions after compaction', stored(backend), stored(twin))
}

/** Writes for a while, and leaves a compaction half done. */
function workload(backend: Backend): Mvcc {
  const random = createRandom(2)
  const store = restore(backend)
  for (let i = 0; i < 2_000; i++) {
    const key = `key-${random.below(100)}`
    if (random.below(5) === 0) store.deleteRange({ key, rangeEnd: `${key}5` })
    else store.put({ key, value: new Uint8Array(random.below(200)) })
    if (i % 700 === 699) store.compact(store.revision - 50)
    if (i % 7 === 0) store.compactStep(5)
  }
  return store
}

function restore(backend: Backend): Mvcc {
  const store = createMvcc({ backend })
  while (store.restoreStep(64));
  return store
}

function hashOf(store: Mvcc): number {
  const hashing = store.hashKv(0)
  while (hashing.step(100));
  return hashing.hash
}

function stored(backend: Backend, fromMain = 0, fromSub = 0): readonly Stored[] {
  const found: Stored[] = []
  backend.scan(fromMain, fromSub, (main, sub, tombstone, record) => {
    found.push({ main, sub, tombstone, record: [...record] })
    return true
  })
  return found
}

/** Plain values only. No test framework: a package's users have their own. */
function expectSame(what: string, actual: unknown, expected: unknown): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (got === wanted) return
  throw new Error(`${what}: expected ${excerpt(wanted)}, the backend gave ${excerpt(got)}`)
}

function excerpt(json: string | undefined): string {
  return json === undefined ? 'nothing' : json.length > 500 ? `${json.slice(0, 500)}…` : json
}

function expectInvariant(what: string, call: () => unknown): void {
  try {
    call()
  } catch (error) {
    if (error instanceof InvariantError) return
    throw error
  }
  throw new Error(`${what}: expected an InvariantError, the backend answered`)
}
