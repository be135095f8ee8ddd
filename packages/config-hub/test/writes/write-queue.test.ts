import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store, StoreError } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { AuditIds } from '../../src/audit/audit-id.ts'
import type { AuditNote } from '../../src/audit/audit-record.ts'
import type { FileWrite, GroupCreation } from '../../src/writes/file-batch.ts'
import { WriteQueue } from '../../src/writes/write-queue.ts'
import { prefix, trailOf } from './writers.ts'

const names = ['a', 'b', 'c', 'd', 'e'] as const
type Name = (typeof names)[number]

/** Puts its own name, whoever's file it is. */
function writeOf(name: Name): FileWrite {
  const path = `n/g/${name}`
  const ops = [{ type: 'put', key: `${prefix}live/files/${path}`, value: name }] as const
  const note: AuditNote = {
    ...{ subject: path, action: 'draftSaved', version: undefined, beforeRevision: 0, previous: undefined },
    ...{ author: { actor: name, reason: '' }, place: { atMs: 0, order: 0 } },
  }
  return { path, groupPath: 'n/g', expected: 0, gone: 0, creation: undefined, ops, note, bytes: 1 }
}

/** A store that takes requests of some writes only: what it fails those of others with. */
function refusing(store: Store, refuse: (written: readonly string[]) => StoreError | undefined) {
  const requests: string[] = []
  const txn: Store['txn'] = async (request, options) => {
    const written = writtenBy(request.success)
    requests.push(written.join(''))
    const error = refuse(written)
    if (error !== undefined) throw error
    return store.txn(request, options)
  }
  return { txn, requests }
}

/** Names of the files that operations write. */
function writtenBy(ops: Parameters<Store['txn']>[0]['success'] = []): readonly string[] {
  return ops.flatMap((op) => {
    if (op.type === 'txn') return writtenBy(op.success)
    return op.type === 'put' && String(op.key).startsWith(`${prefix}live/files/`) ? String(op.value) : []
  })
}

async function writeAll(refuse: (written: readonly string[]) => StoreError | undefined) {
  await using store = createMemoryStore()
  await store.put({ key: `${prefix}live/groups/n/g`, value: '{}' })
  const { txn, requests } = refusing(store, refuse)
  const environment = createManualEnvironment()
  const ids = new AuditIds(environment.random)
  const queue = new WriteQueue({ store: { txn }, environment, ids, prefix }, {})
  const results = await Promise.allSettled(names.map((name) => queue.submit(writeOf(name), {})))
  await queue.close()
  const outcomes = results.map((result) => {
    if (result.status === 'fulfilled') return result.value.type
    return result.reason instanceof StoreError ? result.reason.code : String(result.reason)
  })
  const kept = await store.range({ key: `${prefix}live/files/`, rangeEnd: `${prefix}live/files0` })
  return { outcomes, requests, stored: kept.kvs.map(({ value }) => Buffer.from(value).toString()).join('') }
}

const tooLarge = new StoreError('STORE_REQUEST_TOO_LARGE', 'as the test says')

describe('writes of a batch that the store finds too large', () => {
  test('are told each for itself what became of them, though one is too large alone', async () => {
    const { outcomes, stored } = await writeAll((written) => (written.includes('d') ? tooLarge : undefined))
    expect(outcomes).toEqual(['done', 'done', 'done', 'STORE_REQUEST_TOO_LARGE', 'done'])
    expect(stored).toBe('abce')
  })

  test('are all written, if only all together are too many', async () => {
    const { outcomes, requests } = await writeAll(({ length }) => (length > 2 ? tooLarge : undefined))
    expect(outcomes).toEqual(['done', 'done', 'done', 'done', 'done'])
    expect(requests).toEqual(['abcde', 'ab', 'cde', 'c', 'de'])
  })

  test.each([
    ['c', ['done', 'done', 'STORE_NO_LEADER', 'STORE_NO_LEADER', 'STORE_NO_LEADER'], 'ab'],
    ['a', ['STORE_NO_LEADER', 'STORE_NO_LEADER', 'done', 'done', 'done'], 'cde'],
  ] as const)(
    'are told so that are in the store, when it fails a part with %s',
    async (lost, expected, kept) => {
      const noLeader = new StoreError('STORE_NO_LEADER', 'as the test says')
      const { outcomes, stored } = await writeAll((written) => {
        if (written.length === names.length) return tooLarge
        return written.includes(lost) ? noLeader : undefined
      })
      expect(outcomes).toEqual(expected)
      expect(stored).toBe(kept)
    },
  )
})

test('writes of a batch that the store fails as a whole are all told why, and not tried again', async () => {
  const { outcomes, requests } = await writeAll(() => new StoreError('STORE_NO_LEADER', 'as the test says'))
  expect(outcomes).toEqual(names.map(() => 'STORE_NO_LEADER'))
  expect(requests).toEqual(['abcde'])
})

test('writes of a batch take effect each for itself when one of them comes too late, and so do their entries', async () => {
  await using store = createMemoryStore()
  await store.put({ key: `${prefix}live/groups/n/g`, value: '{}' })
  await store.put({ key: `${prefix}live/files/n/g/c`, value: 'faster' })
  const environment = createManualEnvironment()
  const queue = new WriteQueue({ store, environment, ids: new AuditIds(environment.random), prefix }, {})
  const results = await Promise.all(names.map((name) => queue.submit(writeOf(name), {})))
  await queue.close()
  expect(results.map(({ type }) => type)).toEqual(['done', 'done', 'differs', 'done', 'done'])
  expect((await trailOf(store)).map(({ actor }) => actor)).toEqual(['a', 'b', 'd', 'e'])
  expect(Buffer.from((await store.get(`${prefix}live/files/n/g/c`))?.value ?? []).toString()).toBe('faster')
})

describe('a group that comes to be with its files', () => {
  const group = `${prefix}live/groups/n/g`
  const creation: GroupCreation = {
    conditions: [],
    ops: [{ type: 'put', key: group, value: '{}' }],
    place: { atMs: 0, order: 0 },
  }

  async function writeNew(existing: readonly Name[]) {
    await using store = createMemoryStore()
    for (const name of existing) await store.put({ key: `${prefix}live/files/n/g/${name}`, value: 'faster' })
    const environment = createManualEnvironment()
    const queue = new WriteQueue({ store, environment, ids: new AuditIds(environment.random), prefix }, {})
    const results = await Promise.all(names.map((name) => queue.submit({ ...writeOf(name), creation }, {})))
    await queue.close()
    const trail = await trailOf(store)
    return {
      done: names.filter((_, at) => results[at]?.type === 'done'),
      actors: trail.map(({ actor }) => actor),
      isThere: (await store.get(group)) !== undefined,
    }
  }

  test('comes with all of them', async () => {
    expect(await writeNew([])).toEqual({ done: [...names], actors: [...names], isThere: true })
  })

  test('comes with the first one where another comes too late: the others find it, when they are decided anew', async () => {
    expect(await writeNew(['c'])).toEqual({ done: ['a'], actors: ['a'], isThere: true })
  })

  test.each([
    [['a'], ['b', 'c', 'd', 'e']],
    [
      ['a', 'b'],
      ['c', 'd', 'e'],
    ],
  ] as const)('comes with those that do not come too late, where %j do', async (late, done) => {
    expect(await writeNew(late)).toEqual({ done, actors: done, isThere: true })
  })

  test('does not come where all of them come too late', async () => {
    expect(await writeNew(names)).toEqual({ done: [], actors: [], isThere: false })
  })
})
