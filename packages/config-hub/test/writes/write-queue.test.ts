import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store, StoreError } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import type { FileWrite } from '../../src/writes/file-batch.ts'
import { WriteQueue } from '../../src/writes/write-queue.ts'

const prefix = 'config/'
const names = ['a', 'b', 'c', 'd', 'e'] as const
type Name = (typeof names)[number]

/** Puts its own name, whoever's file it is. */
function writeOf(name: Name): FileWrite {
  const path = `n/g/${name}`
  const ops = [{ type: 'put', key: `${prefix}live/files/${path}`, value: name }] as const
  return { path, groupPath: 'n/g', expected: 0, gone: 0, creation: undefined, ops, bytes: 1 }
}

/** A store that takes requests of some writes only: what it fails those of others with. */
function refusing(store: Store, refuse: (written: readonly string[]) => StoreError | undefined) {
  const requests: string[] = []
  const txn: Store['txn'] = async (request, options) => {
    const { success = [] } = request
    const written = success.map((op) => (op.type === 'txn' ? writtenBy(op.success) : ''))
    requests.push(written.join(''))
    const error = refuse(written)
    if (error !== undefined) throw error
    return store.txn(request, options)
  }
  return { txn, requests }
}

function writtenBy(ops: Parameters<Store['txn']>[0]['success'] = []): string {
  return ops.map((op) => (op.type === 'put' ? String(op.value) : '')).join('')
}

async function writeAll(refuse: (written: readonly string[]) => StoreError | undefined) {
  await using store = createMemoryStore()
  await store.put({ key: `${prefix}live/groups/n/g`, value: '{}' })
  const { txn, requests } = refusing(store, refuse)
  const queue = new WriteQueue({ store: { txn }, environment: createManualEnvironment(), prefix }, {})
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
