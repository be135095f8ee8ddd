import { createMemoryStore } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { ContentHistory } from '../../src/writes/content-history.ts'
import { DataKeyRewrapper } from '../../src/writes/data-key-rewrapper.ts'
import { createTrail, createWriter, FakeCodec, key, prefix, readAll, trailOf } from './writers.ts'

describe('a rewrapper', () => {
  test('wraps data keys anew that were wrapped with another key, and leaves everything else as it is', async () => {
    await using store = createMemoryStore()
    const codec = new FakeCodec()
    const { writer, seen, contents } = createWriter(store, { codec })
    const rewrapper = new DataKeyRewrapper({ store, prefix, contents, writer, reached: seen.reached })
    const secret = { ...key, file: 'secret' }
    await writer.publish(key, { content: 'plain' })
    await writer.publish(secret, { content: 'one', encrypted: true })
    await writer.rotateDataKey(secret)
    await writer.save(secret, { content: 'two' })
    await writer.publish({ ...key, file: 'other' }, { content: 'three', encrypted: true })
    expect(await rewrapper.run()).toBe(0)
    const before = seen.record(secret)
    const entries = (await trailOf(store)).length

    codec.keyId = 'two'
    // Two of the first file, in its record, two releases and a draft; one of the other.
    expect(await rewrapper.run()).toBe(3)
    expect(await rewrapper.run()).toBe(0)
    const after = seen.record(secret)
    expect(after?.dataKey).toEqual({ keyId: 'two', bytes: before?.dataKey?.bytes })
    expect({ ...after?.file, revision: 0 }).toEqual({ ...before?.file, revision: 0 })
    for (const version of [1, 2]) {
      expect((await contents.release('default/shop/secret', version))?.dataKey?.keyId).toBe('two')
    }
    expect((await contents.draft('default/shop/secret'))?.dataKey?.keyId).toBe('two')
    const history = new ContentHistory({ store, prefix, contents })
    expect((await history.get(secret, 1))?.content).toBe('one')
    expect((await history.draft(secret))?.content).toBe('two')
    expect(await trailOf(store)).toHaveLength(entries)
    expect(await writer.publish(secret)).toMatchObject({ version: 3, content: 'two' })
    const actions = (await readAll(createTrail(store), secret)).map(({ action }) => action)
    expect(actions).toEqual(['published', 'draftSaved', 'dataKeyRotated', 'published'])
  })

  test('goes through more files than one read gives', async () => {
    await using store = createMemoryStore()
    const codec = new FakeCodec()
    const { writer, seen, contents } = createWriter(store, { codec })
    const rewrapper = new DataKeyRewrapper({ store, prefix, contents, writer, reached: seen.reached })
    await Promise.all(
      Array.from({ length: 450 }, (_, n) =>
        writer.save({ ...key, file: `${n}` }, { content: 'x', encrypted: true }),
      ),
    )
    codec.keyId = 'two'
    expect(await rewrapper.run()).toBe(450)
  })

  test('stops when it is told to', async () => {
    await using store = createMemoryStore()
    const { writer, seen, contents } = createWriter(store)
    const rewrapper = new DataKeyRewrapper({ store, prefix, contents, writer, reached: seen.reached })
    await writer.publish(key, { content: 'plain' })
    const reason = new Error('enough')
    await expect(rewrapper.run({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
