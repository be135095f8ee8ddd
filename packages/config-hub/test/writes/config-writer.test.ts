import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { ContentHistory } from '../../src/writes/content-history.ts'
import { counted, createWriter, FakeCodec, key, prefix, trailOf } from './writers.ts'

const path = 'default/shop/app.txt'
const rule = { percent: 10 }

describe('publishing', () => {
  test('a content that is given creates the file and its group in the same revision', async () => {
    await using store = createMemoryStore()
    const { writer, seen, contents } = createWriter(store)
    const release = await writer.publish(key, { content: 'a = 1' }, { actor: 'ann', reason: 'first' })
    expect(release).toMatchObject({ ...key, version: 1, content: 'a = 1', origin: 'publish', name: 'v1' })
    expect(release).toMatchObject({ actor: 'ann', reason: 'first', comment: 'first' })
    expect(seen.record(key)?.file.release?.md5).toBe(release.md5)
    expect(seen.group('default/shop')?.revision).toBe(seen.record(key)?.file.revision)
    const stored = await contents.release(path, 1)
    expect(stored && (await contents.textOfRelease(path, stored))).toBe('a = 1')
    const trail = await trailOf(store)
    expect(trail).toMatchObject([{ action: 'groupCreated' }, { action: 'published', version: 1 }])
    expect(trail[1]).toMatchObject({ ...key, actor: 'ann', reason: 'first', beforeRevision: 0 })
  })

  test('of a file that is known takes one txn that adds a release and a record, and reads nothing', async () => {
    await using store = createMemoryStore()
    const { store: watched, calls } = counted(store)
    const { writer, seen } = createWriter(watched)
    await writer.publish(key, { content: 'a = 1' })
    seen.isHeld = true
    for (const name of Object.keys(calls)) calls[name] = 0
    const before = store.status()
    await writer.publish(key, { content: 'a = 2' })
    expect(calls).toEqual({ txn: 1, range: 0, status: 0 })
    const after = store.status()
    expect([after.revision - before.revision, after.keys - before.keys]).toEqual([1, 2])
  })

  test('of many files at once takes no more txns than their operations need', async () => {
    await using store = createMemoryStore()
    const { store: watched, calls } = counted(store)
    const { writer, seen } = createWriter(watched)
    const files = Array.from({ length: 64 }, (_, n) => ({ ...key, file: `f${n}` }))
    await writer.publish(key, { content: 'x' })
    calls['txn'] = 0
    await Promise.all(files.map((file) => writer.publish(file, { content: 'x' })))
    expect(calls['txn']).toBe(2)
    seen.isHeld = true
    for (const name of Object.keys(calls)) calls[name] = 0
    await Promise.all(files.map((file) => writer.publish(file, { content: 'y' })))
    expect(calls['txn']).toBe(2)
  })

  test('of many new files without a content is not tried with more conditions than a txn may have', async () => {
    await using store = createMemoryStore()
    const { store: watched, calls } = counted(store)
    const { writer } = createWriter(watched)
    await writer.publish(key, { content: 'x' })
    calls['txn'] = 0
    const files = Array.from({ length: 64 }, (_, n) => ({ ...key, file: `f${n}` }))
    await Promise.all(files.map((file) => writer.save(file, { comment: 'x' })))
    expect(calls['txn']).toBe(2)
  })

  test.each([
    ['that are new', false],
    ['that are there', true],
  ])('of new files in as many groups %s is tried with no more than a txn may have', async (_, isThere) => {
    await using store = createMemoryStore()
    const { store: watched, calls } = counted(store)
    const { writer } = createWriter(watched)
    const files = Array.from({ length: 64 }, (_, n) => ({ ...key, group: `g${n}` }))
    if (isThere) for (const file of files) await writer.save({ ...file, file: 'first' }, { comment: 'x' })
    const { revision } = store.status()
    calls['txn'] = 0
    await Promise.all(files.map((file) => writer.save(file, { comment: 'x' })))
    expect(calls['txn']).toBe(store.status().revision - revision)
    expect(calls['txn']).toBe(isThere ? 2 : 3)
  })

  test('counts what is said of a write among what a batch may have', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store, { writes: { batchMaxBytes: 3_000 } })
    const files = Array.from({ length: 4 }, (_, n) => ({ ...key, file: `f${n}` }))
    for (const file of [key, ...files]) await writer.save(file, { comment: 'x' })
    for (const [reason, batches] of [
      ['', 1],
      ['x'.repeat(1_000), 2],
    ] as const) {
      const { revision } = store.status()
      await Promise.all(files.map((file) => writer.save(file, { comment: 'y' }, { reason })))
      expect(store.status().revision - revision).toBe(batches)
    }
  })

  test('brings a group back that was removed by hand from around a file', async () => {
    await using store = createMemoryStore()
    await createWriter(store).writer.publish(key, { content: 'x' })
    await store.deleteRange({ key: `${prefix}live/groups/default/shop` })
    const { writer, seen } = createWriter(store)
    await writer.publish(key, { content: 'y' })
    expect(seen.hasGroup(key)).toBe(true)
    expect(await trailOf(store)).toMatchObject([
      { action: 'groupCreated' },
      { action: 'published' },
      { action: 'groupCreated' },
      { action: 'published' },
    ])
  })

  test('of several files at once brings their group back though one of them is not what it was taken for', async () => {
    await using store = createMemoryStore()
    await createWriter(store).writer.publish(key, { content: 'x' })
    await store.deleteRange({ key: `${prefix}live/groups/default/shop` })
    const { writer } = createWriter(store)
    const files = [key, ...Array.from({ length: 20 }, (_, n) => ({ ...key, file: `f${n}` }))]
    const releases = await Promise.all(files.map((file) => writer.publish(file, { content: 'y' })))
    expect(releases.map(({ version }) => version)).toEqual([2, ...files.slice(1).map(() => 1)])
    const actions = (await trailOf(store)).map(({ action }) => action)
    expect(actions.filter((action) => action === 'groupCreated')).toHaveLength(2)
    expect(actions.filter((action) => action === 'published')).toHaveLength(22)
  })

  test('takes the draft if no content is given, and the draft is gone', async () => {
    await using store = createMemoryStore()
    const { writer, seen, contents } = createWriter(store)
    await writer.save(key, { content: 'draft', tags: { team: 'a' } })
    expect(seen.record(key)?.file).toMatchObject({ hasDraft: true, release: undefined, latestVersion: 0 })
    const release = await writer.publish(key, { name: 'spring', releaseComment: 'for all' })
    expect(release).toMatchObject({
      content: 'draft',
      name: 'spring',
      comment: 'for all',
      tags: { team: 'a' },
    })
    expect(seen.record(key)?.file).toMatchObject({ hasDraft: false, latestVersion: 1 })
    expect(await contents.draft(path)).toBeUndefined()
    await expect(writer.publish(key)).rejects.toMatchObject({ code: 'CONFIG_NO_DRAFT' })
  })

  test('a content that is not of its format is refused, and a draft of it is not', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store)
    const json = { ...key, file: 'app.json' }
    const { revision } = store.status()
    await expect(writer.publish(json, { content: '{' })).rejects.toMatchObject({
      code: 'CONFIG_CONTENT_INVALID',
    })
    expect(store.status().revision).toBe(revision)
    await writer.save(json, { content: '{' })
    await expect(writer.publish(json)).rejects.toMatchObject({ code: 'CONFIG_CONTENT_INVALID' })
    expect(await writer.publish(json, { format: 'text' })).toMatchObject({ content: '{', format: 'text' })
  })

  test('many files at once takes few txns', async () => {
    await using store = createMemoryStore()
    const { store: watched, calls } = counted(store)
    const { writer, seen } = createWriter(watched)
    const files = Array.from({ length: 40 }, (_, n) => ({ ...key, file: `${n}.txt` }))
    await Promise.all(files.map((file) => writer.publish(file, { content: 'x' })))
    expect(store.status().revision).toBe(2)
    seen.isHeld = true
    calls['txn'] = 0
    await Promise.all(files.map((file) => writer.publish(file, { content: 'y' })))
    expect(calls['txn']).toBe(1)
    expect(writer.stats).toEqual({ queued: 0, done: 80, conflicts: 0 })
  })

  test('takes calls for one file in their order', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store)
    const contents = Array.from({ length: 20 }, (_, n) => `${n}`)
    const releases = await Promise.all(contents.map((content) => writer.publish(key, { content })))
    expect(releases.map(({ version }) => version)).toEqual(contents.map((_, n) => n + 1))
    expect(releases.map(({ content }) => content)).toEqual(contents)
    expect(writer.stats.conflicts).toBe(0)
  })

  test('is refused where there is no group, if groups are not created with their files', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store, { autoCreate: false })
    await expect(writer.publish(key, { content: 'x' })).rejects.toMatchObject({
      code: 'CONFIG_GROUP_NOT_FOUND',
    })
    expect(store.status().revision).toBe(1)
  })

  test('a content of the largest size succeeds, beside others in flight', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store)
    const content = 'x'.repeat(1_048_576)
    const files = Array.from({ length: 4 }, (_, n) => ({ ...key, file: `${n}.txt` }))
    const releases = await Promise.all(files.map((file) => writer.publish(file, { content })))
    expect(releases.map(({ sizeBytes }) => sizeBytes)).toEqual(files.map(() => 1_048_576))
    await expect(writer.publish(key, { content: `${content}x` })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
  })
})

describe('a condition', () => {
  test('on the revision is held against what the store has, however little is known here', async () => {
    await using store = createMemoryStore()
    const [one, other] = [createWriter(store), createWriter(store)]
    await one.writer.publish(key, { content: 'a' }, { ifRevision: 0 })
    const revision = one.seen.record(key)?.file.revision ?? 0
    // The other one has not heard of anything, and still gets it right both times.
    await expect(other.writer.publish(key, { content: 'b' }, { ifRevision: 0 })).rejects.toMatchObject({
      code: 'CONFIG_CONFLICT',
    })
    expect((await other.writer.publish(key, { content: 'b' }, { ifRevision: revision })).version).toBe(2)
    await expect(one.writer.save(key, { content: 'c' }, { ifRevision: revision })).rejects.toMatchObject({
      code: 'CONFIG_CONFLICT',
    })
  })

  test('on the content means the draft, or what was released last', async () => {
    await using store = createMemoryStore()
    const { writer, contents } = createWriter(store)
    const history = new ContentHistory({ store, prefix, contents })
    const md5 = async (): Promise<string> => (await history.draft(key))?.md5 ?? ''
    await writer.save(key, { content: 'a' }, { ifMd5: '' })
    await writer.save(key, { content: 'b' }, { ifMd5: await md5() })
    await writer.publish(key, {}, { ifMd5: await md5() })
    const released = await md5()
    await writer.save(key, { content: 'c' }, { ifMd5: released })
    await expect(writer.publish(key, {}, { ifMd5: released })).rejects.toMatchObject({
      code: 'CONFIG_CONFLICT',
    })
    await writer.discardDraft(key)
    await writer.withdraw(key)
    await writer.publish(key, { content: 'd' }, { ifMd5: released })
  })

  test('of two who publish on the same content one fails', async () => {
    await using store = createMemoryStore()
    const [one, other] = [createWriter(store), createWriter(store)]
    const { md5 } = await one.writer.publish(key, { content: 'a' })
    await other.seen.read()
    const results = await Promise.allSettled(
      [one, other].map(({ writer }, n) => writer.publish(key, { content: `${n}` }, { ifMd5: md5 })),
    )
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(one.seen.record(key)?.file.latestVersion).toBe(2)
  })
})

describe('a gray release', () => {
  test('keeps everything else from being released, until it ends', async () => {
    await using store = createMemoryStore()
    const { writer, seen } = createWriter(store)
    await writer.publish(key, { content: 'a' })
    const gray = await writer.publishGray(key, { content: 'b', rule })
    expect(gray).toMatchObject({ version: 2, origin: 'gray', content: 'b' })
    expect(gray).not.toHaveProperty('rule')
    for (const call of [
      writer.publish(key, { content: 'c' }),
      writer.publishGray(key, { content: 'c', rule }),
      writer.rollback(key, 1),
      writer.withdraw(key),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'CONFIG_GRAY_ACTIVE' })
    }
    const file = await writer.promoteGray(key)
    expect(file).toMatchObject({ gray: undefined, latestVersion: 2 })
    expect(file.release).toMatchObject({ version: 2, origin: 'promote' })
    expect(file.release).not.toHaveProperty('rule')
    expect(seen.record(key)?.file).toEqual(file)
    await expect(writer.promoteGray(key)).rejects.toMatchObject({ code: 'CONFIG_GRAY_NOT_FOUND' })
  })

  test('whose rule changes gives new versions of the same contents to everybody', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store)
    const full = await writer.publish(key, { content: 'a', name: 'spring' })
    const gray = await writer.publishGray(key, { content: 'b', rule })
    const file = await writer.changeGrayRule(key, { percent: 20 }, { actor: 'ann' })
    expect(file.latestVersion).toBe(4)
    expect(file.release).toMatchObject({
      version: 3,
      origin: 'restate',
      from: 1,
      md5: full.md5,
      name: 'spring',
    })
    expect(file.gray).toMatchObject({ version: 4, origin: 'restate', from: 2, md5: gray.md5, name: 'v4' })
    expect(file.gray?.rule).toEqual({ percent: 20 })
    const stopped = await writer.stopGray(key)
    expect(stopped.release).toMatchObject({ version: 5, origin: 'restate', from: 1, md5: full.md5 })
    expect((await trailOf(store)).slice(-2)).toMatchObject([
      { action: 'grayRuleChanged', version: 4, actor: 'ann' },
      { action: 'grayStopped', version: 5 },
    ])
  })

  test('that is the only one leaves nothing to see when it stops', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store)
    await writer.publishGray(key, { content: 'b', rule })
    expect(await writer.stopGray(key)).toMatchObject({
      release: undefined,
      gray: undefined,
      latestVersion: 1,
    })
  })
})

describe('a file', () => {
  test('that was deleted goes on with its versions when it comes again', async () => {
    await using store = createMemoryStore()
    const { writer, seen } = createWriter(store)
    await writer.publish(key, { content: 'a' })
    await writer.publish(key, { content: 'b' })
    await writer.delete(key)
    expect(seen.record(key)).toBeUndefined()
    await expect(writer.delete(key)).rejects.toMatchObject({ code: 'CONFIG_FILE_NOT_FOUND' })
    const fresh = createWriter(store)
    await fresh.writer.save(key, { content: 'c' }, { ifRevision: 0 })
    expect(fresh.seen.record(key)?.file).toMatchObject({ latestVersion: 2, release: undefined })
    await fresh.writer.delete(key)
    expect((await writer.publish(key, { content: 'd' })).version).toBe(3)
    await expect(writer.rollback(key, 2)).rejects.toMatchObject({ code: 'CONFIG_RELEASE_NOT_FOUND' })
  })

  test('keeps the newest releases', async () => {
    await using store = createMemoryStore()
    const one = createWriter(store, { releasesMaxItems: 10 })
    const history = new ContentHistory({ store, prefix, contents: one.contents })
    const versions = async (): Promise<readonly number[]> =>
      (await history.history(key)).items.map(({ version }) => version)
    for (let n = 1; n <= 12; n++) await one.writer.publish(key, { content: `${n}` })
    expect(await versions()).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3])
    // Where fewer are kept from now on, what is left over goes with the next round.
    const fewer = createWriter(store, { releasesMaxItems: 2 })
    for (let n = 13; n <= 14; n++) await fewer.writer.publish(key, { content: `${n}` })
    expect(await versions()).toEqual([14, 13])
    await fewer.writer.publishGray(key, { content: 'gray', rule })
    await fewer.writer.changeGrayRule(key, { percent: 50 })
    expect(await versions()).toEqual([17, 16])
  })

  test('has a history that is read in slices, the newest first', async () => {
    await using store = createMemoryStore()
    const { writer, contents } = createWriter(store)
    const history = new ContentHistory({ store, prefix, contents })
    for (let n = 1; n <= 20; n++) await writer.publish(key, { content: `${n}` })
    const read: number[] = []
    let after: string | undefined
    do {
      const slice = await history.history(key, { limit: 3, after })
      read.push(...slice.items.map(({ version }) => version))
      after = slice.next
    } while (after !== undefined)
    expect(read).toEqual(Array.from({ length: 20 }, (_, n) => 20 - n))
    await expect(history.history(key, { after: 'x' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect(await history.history({ ...key, file: 'none' })).toEqual({ items: [], next: undefined })
  })
})

describe('an encrypted file', () => {
  const secret = { ...key, file: 'secret.txt' }
  const secretPath = 'default/shop/secret.txt'

  test('has its draft and its releases sealed, each for its place', async () => {
    await using store = createMemoryStore()
    const { writer, contents, seen } = createWriter(store, { codec: new FakeCodec() })
    const history = new ContentHistory({ store, prefix, contents })
    await writer.save(secret, { content: 'hidden', encrypted: true })
    const draft = await contents.draft(secretPath)
    expect(Buffer.from(draft?.content ?? []).toString()).toBe(`${secretPath}|draft|key 1|neddih`)
    expect((await history.draft(secret))?.content).toBe('hidden')
    const release = await writer.publish(secret)
    expect(release).toMatchObject({ content: 'hidden', encrypted: true, sizeBytes: 6 })
    const stored = await contents.release(secretPath, 1)
    expect(Buffer.from(stored?.content ?? []).toString()).toBe(`${secretPath}|1|key 1|neddih`)
    expect(seen.record(secret)?.dataKey).toEqual(stored?.dataKey)
    await writer.publish(secret, { content: 'more' })
    const back = await writer.rollback(secret, 1)
    expect(back).toMatchObject({ version: 3, content: 'hidden', from: 1 })
    expect(Buffer.from((await contents.release(secretPath, 3))?.content ?? []).toString()).toContain(
      '|3|key 1|',
    )
  })

  test('stays sealed as it was when it is only restated', async () => {
    await using store = createMemoryStore()
    const { writer, contents } = createWriter(store, { codec: new FakeCodec() })
    const history = new ContentHistory({ store, prefix, contents })
    const { md5 } = await writer.publish(secret, { content: 'hidden', encrypted: true })
    await writer.publishGray(secret, { content: 'gray', rule })
    await writer.changeGrayRule(secret, { percent: 50 })
    const file = await writer.stopGray(secret)
    expect(file.release).toMatchObject({ version: 5, from: 1, md5 })
    expect((await history.get(secret, 5))?.content).toBe('hidden')
    expect((await history.get(secret, 4))?.content).toBe('gray')
  })

  test('gets a new data key, with which everything that is seen is released again', async () => {
    await using store = createMemoryStore()
    const { writer, contents, seen } = createWriter(store, { codec: new FakeCodec() })
    const history = new ContentHistory({ store, prefix, contents })
    await writer.publish(secret, { content: 'hidden', encrypted: true })
    await writer.save(secret, { content: 'next' })
    const file = await writer.rotateDataKey(secret)
    expect(file.release).toMatchObject({ version: 2, origin: 'restate', from: 1 })
    const keys = [await contents.release(secretPath, 1), await contents.release(secretPath, 2)]
    expect(keys.map((stored) => Buffer.from(stored?.dataKey?.bytes ?? []).toString())).toEqual([
      'key 1',
      'key 2',
    ])
    expect((await history.get(secret, 2))?.content).toBe('hidden')
    expect((await history.draft(secret))?.content).toBe('next')
    expect(Buffer.from(seen.record(secret)?.dataKey?.bytes ?? []).toString()).toBe('key 2')
    await expect(writer.rotateDataKey(key)).rejects.toMatchObject({ code: 'CONFIG_FILE_NOT_FOUND' })
    await writer.save(key, { content: 'plain' })
    await expect(writer.rotateDataKey(key)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  test('cannot be where there are no keys', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store)
    await expect(writer.save(secret, { encrypted: true })).rejects.toMatchObject({
      code: 'CONFIG_KEYS_MISSING',
    })
    expect(store.status().revision).toBe(1)
  })
})

describe('a call', () => {
  test('that is given up stops waiting, and leaves those behind it alone', async () => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore()
    const { writer } = createWriter(store, { environment })
    const abort = new AbortController()
    const first = writer.publish(key, { content: '1' })
    const second = writer.publish(key, { content: '2' }, { signal: abort.signal })
    const third = writer.publish(key, { content: '3' })
    const reason = new Error('enough')
    abort.abort(reason)
    await expect(second).rejects.toBe(reason)
    expect((await first).version).toBe(1)
    expect(await third).toMatchObject({ version: 2, content: '3' })
    await expect(writer.publish(key, { content: '4' }, { signal: abort.signal })).rejects.toBe(reason)
  })

  test('after the end is refused, and those before it are finished', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store)
    const before = writer.publish(key, { content: '1' })
    await Promise.resolve()
    await before
    await writer.close()
    await expect(writer.publish(key, { content: '2' })).rejects.toMatchObject({ code: 'CONFIG_CLOSED' })
  })

  test('is told to come again when too much waits', async () => {
    await using store = createMemoryStore()
    const { writer } = createWriter(store, { writes: { queueMaxItems: 2 } })
    const files = Array.from({ length: 8 }, (_, n) => ({ ...key, file: `${n}.txt` }))
    const results = await Promise.allSettled(files.map((file) => writer.publish(file, { content: 'x' })))
    const refused = results.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(6)
    for (const result of refused) expect(result).toMatchObject({ reason: { code: 'CONFIG_OVERLOADED' } })
  })

  test('comes through with what the store refuses it for', async () => {
    await using store = createMemoryStore({}, { quotaBytes: 1_000 })
    const { writer } = createWriter(store)
    await expect(writer.publish(key, { content: 'x'.repeat(2_000) })).rejects.toMatchObject({
      code: 'STORE_NO_SPACE',
    })
  })
})
