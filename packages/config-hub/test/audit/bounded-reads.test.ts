import { setImmediate as nextTurn } from 'node:timers/promises'
import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { AuditSweeper } from '../../src/audit/audit-sweeper.ts'
import { createAuditTrail } from '../../src/audit/audit-trail.ts'
import { ConfigError } from '../../src/errors.ts'
import { GroupWriter } from '../../src/groups.ts'
import { endOf } from '../../src/keys.ts'
import { counted, createTrail, createWriter, fillTrail, key, prefix, readAll } from '../writes/writers.ts'

const group = { namespace: 'default', group: 'shop' }
const oldest = { ...key, file: 'oldest' }

/** Writes a file, and many others in the same millisecond. */
async function writeMany(store: Store): Promise<void> {
  await createWriter(store).writer.save(oldest, { comment: 'x' })
  await fillTrail(store, { records: 2_000, atMs: 0 })
}

/** Groups that were written so often, on a store that takes few operations at once. */
async function writeGroups(store: Store, times: number) {
  const { environment, ids, seen } = createWriter(store)
  const groups = new GroupWriter({ store, environment, prefix, ids, reached: seen.reached })
  await groups.create(group)
  for (let n = 1; n < times; n++) await groups.update(group, { comment: `${n}` })
  return environment
}

async function countOf(store: Store, area: string): Promise<number> {
  const from = `${prefix}${area}`
  return (await store.range({ key: from, rangeEnd: endOf(from), countOnly: true })).count
}

describe('an entry among thousands of one millisecond', () => {
  test('is found', async () => {
    await using store = createMemoryStore()
    await writeMany(store)
    expect(await readAll(createTrail(store), oldest)).toMatchObject([{ ...oldest, action: 'draftSaved' }])
  })

  test('is looked for in turns, so long as the hub is open', async () => {
    const { clock } = createManualEnvironment()
    await using store = createMemoryStore()
    await writeMany(store)
    const { store: watched, calls } = counted(store)
    let isClosed = false
    const ensureOpen = (): void => {
      if (isClosed) throw new ConfigError('CONFIG_CLOSED', 'the hub is closed')
    }
    const listed = createAuditTrail({ store: watched, clock, prefix, ensureOpen }).list(oldest)
    for (let turn = 0; turn < 1_000; turn++) await nextTurn()
    expect(calls['range']).toBe(1)
    isClosed = true
    clock.runDeferred()
    await expect(listed).rejects.toMatchObject({ code: 'CONFIG_CLOSED' })
    expect(calls['range']).toBe(1)
  })
})

describe('a store that takes few operations in a txn', () => {
  const few = { txnMaxOps: 8 }

  test('gives the entries of a group', async () => {
    await using store = createMemoryStore({}, few)
    await writeGroups(store, 250)
    expect(await readAll(createTrail(store), { ...group, file: '' })).toHaveLength(250)
  })

  test('is swept', async () => {
    await using store = createMemoryStore({}, few)
    const environment = await writeGroups(store, 50)
    environment.clock.advance(2)
    expect(await new AuditSweeper({ store, environment, prefix }, 1).sweep()).toBe(50)
    expect([await countOf(store, 'audit/all/'), await countOf(store, 'audit/of/')]).toEqual([0, 0])
  })
})

test('a record of more groups than a txn has operations is swept, and so is all else', async () => {
  await using store = createMemoryStore()
  const environment = await writeGroups(store, 5)
  const entries = Array.from({ length: 300 }, (_, n) => ({ action: 'groupCreated', subject: `n/g${n}/` }))
  const id = '99999999999999-zzzzzzzzz-000000000'
  await store.put({ key: `${prefix}audit/all/${id}`, value: JSON.stringify(entries) })
  for (const { subject } of entries) await store.put({ key: `${prefix}audit/of/${subject}/${id}` })
  environment.clock.advance(2)
  expect(await new AuditSweeper({ store, environment, prefix }, 1).sweep()).toBe(305)
  expect([await countOf(store, 'audit/all/'), await countOf(store, 'audit/of/')]).toEqual([0, 0])
})
