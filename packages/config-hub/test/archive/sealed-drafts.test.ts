import { createMemoryStore } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { readArchive } from '../../src/archive/read-archive.ts'
import { createConfigHub, createLocalKeyPort } from '../../src/index.ts'

const keys = createLocalKeyPort({ current: 'one', keys: { one: Buffer.alloc(32, 7) } })
const key = { namespace: 'n', group: 'g', file: 'a.txt' }

describe('a draft that was encrypted when it was saved', () => {
  test('stays out of archives when its file is made one that is not encrypted', async () => {
    await using store = createMemoryStore()
    await using hub = createConfigHub({ store, keys })
    await hub.start()
    await hub.files.save(key, { content: 'secret', encrypted: true })
    await hub.files.save(key, { encrypted: false })
    expect(await hub.files.draft(key)).toMatchObject({ content: 'secret', encrypted: true })
    expect(await readArchive(await hub.archives.export({}))).toEqual([])
    expect(await readArchive(await hub.archives.export({}, { decrypt: true }))).toMatchObject([{ key }])
    await hub.files.save(key, { content: 'plain' })
    expect(await readArchive(await hub.archives.export({}))).toMatchObject([{ key, content: 'plain' }])
  })

  test('keeps no archive from being made by a hub without keys', async () => {
    await using store = createMemoryStore()
    await using withKeys = createConfigHub({ store, keys })
    await withKeys.start()
    await withKeys.files.save(key, { content: 'secret', encrypted: true })
    await withKeys.files.save(key, { encrypted: false })
    await withKeys.files.save({ ...key, file: 'b.txt' }, { content: 'plain' })
    await using hub = createConfigHub({ store })
    await hub.start()
    expect(await readArchive(await hub.archives.export({}))).toMatchObject([{ content: 'plain' }])
  })
})
