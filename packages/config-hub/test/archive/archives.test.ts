import { describe, expect, test } from 'vitest'
import { createArchives } from '../../src/archive/archives.ts'
import { readArchive } from '../../src/archive/read-archive.ts'
import { writeArchive } from '../../src/archive/write-archive.ts'
import { FakeFiles } from './fake-files.ts'
import { makeZip } from './zip-maker.ts'

const contentMaxBytes = 1_000
const key = (file: string) => ({ namespace: 'n', group: 'g', file })

function build() {
  const files = new FakeFiles()
  return { files, archives: createArchives({ files, releases: files, contentMaxBytes }) }
}

async function archiveOf(...names: readonly string[]): Promise<Uint8Array> {
  return writeArchive(names.map((name) => ({ key: key(name), content: `new ${name}` })))
}

const outcomes = (result: {
  readonly files: readonly { readonly file: string; readonly outcome: string }[]
}) => result.files.map(({ file, outcome }) => `${file} ${outcome}`)

describe('exporting', () => {
  test('gives what importing takes', async () => {
    const { files, archives } = build()
    files.put('a.yaml', 'a: 1', { comment: 'said', tags: { env: 'test' }, format: 'yaml' })
    files.put('b', 'text')
    files.put('empty', undefined)
    const archive = await archives.export({ namespace: 'n' })
    expect(files.queries).toEqual([{ namespace: 'n', offset: 0, limit: 10_000 }])
    const other = build()
    const result = await other.archives.import(archive, { conflict: 'abort', namespace: 'other' })
    expect(outcomes(result)).toEqual(['a.yaml created', 'b created'])
    expect(other.files.saves).toMatchObject([
      {
        key: { namespace: 'other' },
        spec: { content: 'a: 1', comment: 'said', tags: { env: 'test' }, format: 'yaml' },
      },
      { key: { namespace: 'other' }, spec: { content: 'text' } },
    ])
  })

  test('leaves out whatever stands encrypted, unless it shall decrypt', async () => {
    const { files, archives } = build()
    files.put('plain', 'plain')
    files.put('encrypted', 'secret', { encrypted: true })
    files.put('released while it was', 'secret', {}, { released: true })
    files.put('withdrawn', 'secret', { latestVersion: 1 }, { history: true })
    files.put('draft that stays sealed', 'secret', { hasDraft: true }, { draft: true })
    expect((await readArchive(await archives.export({}))).map((file) => file.key.file)).toEqual(['plain'])
    const all = await readArchive(await archives.export({}, { decrypt: true }))
    expect(all.map((file) => [file.key.file, file.encrypted])).toEqual([
      ['plain', false],
      ['encrypted', true],
      ['released while it was', false],
      ['withdrawn', false],
      ['draft that stays sealed', false],
    ])
  })

  test.each(['CONFIG_KEYS_MISSING', 'CONFIG_DECRYPTION_FAILED'] as const)(
    'needs no key for what it leaves out: %s',
    async (code) => {
      const { files, archives } = build()
      files.put('a', 'secret')
      files.put('b', 'b')
      files.failDraft('a', code)
      expect((await readArchive(await archives.export({}))).map((file) => file.key.file)).toEqual(['b'])
      await expect(archives.export({}, { decrypt: true })).rejects.toMatchObject({ code })
    },
  )

  test('does without files that were deleted meanwhile', async () => {
    const { files, archives } = build()
    files.put('a', 'a')
    files.put('b', 'b')
    files.failDraft('a', 'CONFIG_FILE_NOT_FOUND')
    expect((await readArchive(await archives.export({}))).map((file) => file.key.file)).toEqual(['b'])
  })

  test('fails when a content cannot be read, or when there are too many files', async () => {
    const { files, archives } = build()
    files.put('a', 'a')
    files.failDraft('a', 'CONFIG_NOT_READY')
    await expect(archives.export({})).rejects.toMatchObject({ code: 'CONFIG_NOT_READY' })
    files.total = 10_001
    await expect(archives.export({})).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  test('stops when it is aborted', async () => {
    const { files, archives } = build()
    files.put('a', 'a')
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(archives.export({}, { signal })).rejects.toThrow('enough')
  })
})

describe('importing', () => {
  test('with `abort` writes nothing when one of the files exists', async () => {
    const { files, archives } = build()
    files.put('b', 'old')
    const imported = archives.import(await archiveOf('a', 'b', 'c'), { conflict: 'abort' })
    await expect(imported).rejects.toMatchObject({
      code: 'CONFIG_CONFLICT',
      message: expect.stringContaining('n/g/b') as string,
    })
    expect(files.saves).toEqual([])
  })

  test('with `skip` leaves files that exist as they are', async () => {
    const { files, archives } = build()
    files.put('b', 'old')
    const result = await archives.import(await archiveOf('a', 'b'), { conflict: 'skip' })
    expect(outcomes(result)).toEqual(['a created', 'b skipped'])
    expect(files.contents()).toEqual({ a: 'new a', b: 'old' })
  })

  test('with `overwrite` gives files that exist the new content', async () => {
    const { files, archives } = build()
    files.put('b', 'old')
    const result = await archives.import(await archiveOf('a', 'b'), { conflict: 'overwrite' })
    expect(outcomes(result)).toEqual(['a created', 'b overwritten'])
    expect(files.contents()).toEqual({ a: 'new a', b: 'new b' })
  })

  test.each([
    ['skip', ['a skipped', 'b created'], 'theirs'],
    ['overwrite', ['a overwritten', 'b created'], 'new a'],
    ['abort', ['a failed', 'b created'], 'theirs'],
  ] as const)('with `%s` heeds what somebody else writes meanwhile', async (conflict, expected, content) => {
    const { files, archives } = build()
    files.beforeSave('a', () => files.put('a', 'theirs'))
    const result = await archives.import(await archiveOf('a', 'b'), { conflict })
    expect(outcomes(result)).toEqual(expected)
    expect(files.contents()['a']).toBe(content)
  })

  test('tells of each file what became of it, though others failed', async () => {
    const { files, archives } = build()
    files.failSave('b', 'CONFIG_KEYS_MISSING')
    const result = await archives.import(await archiveOf('a', 'b', 'c'), { conflict: 'skip' })
    expect(outcomes(result)).toEqual(['a created', 'b failed', 'c created'])
    expect(result.files[1]?.error).toContain('CONFIG_KEYS_MISSING')
  })

  test('says who did it and why, and keeps files encrypted that are', async () => {
    const { files, archives } = build()
    files.put('b', 'old', { encrypted: true })
    const archive = await writeArchive([
      { key: key('a'), content: 'a', encrypted: true },
      { key: key('b'), content: 'b', encrypted: false },
    ])
    await archives.import(archive, { conflict: 'overwrite', actor: 'eve', reason: 'move' })
    expect(files.saves).toMatchObject([
      { spec: { encrypted: true }, options: { actor: 'eve', reason: 'move', ifRevision: 0 } },
      { spec: { encrypted: undefined }, options: { actor: 'eve', reason: 'move', ifRevision: 1 } },
    ])
  })

  test.each(['skip', 'overwrite', 'abort'] as const)(
    'with `%s` takes nothing of an archive that has a file under two names',
    async (conflict) => {
      const { files, archives } = build()
      const archive = makeZip(['n/g/a.txt', '%6e/g/a.txt', 'n/%67/a.txt'].map((name) => ({ name })))
      await expect(archives.import(archive, { conflict })).rejects.toMatchObject({
        code: 'CONFIG_ARCHIVE_INVALID',
        message: expect.stringContaining('"%6e/g/a.txt"') as string,
      })
      expect(files.saves).toEqual([])
    },
  )

  test('refuses files that become one in another namespace', async () => {
    const { files, archives } = build()
    const archive = await writeArchive(
      ['m', 'n'].map((namespace) => ({ key: { namespace, group: 'g', file: 'a' }, content: namespace })),
    )
    const imported = archives.import(archive, { conflict: 'overwrite', namespace: 'o' })
    await expect(imported).rejects.toMatchObject({ code: 'CONFIG_ARCHIVE_INVALID' })
    expect(files.saves).toEqual([])
  })

  test('takes nothing of an archive of which anything is wrong', async () => {
    const { files, archives } = build()
    const archive = await writeArchive([
      { key: key('a'), content: 'a' },
      { key: key('b'), content: 'b'.repeat(contentMaxBytes + 1) },
    ])
    const imported = archives.import(archive, { conflict: 'overwrite' })
    await expect(imported).rejects.toMatchObject({
      code: 'CONFIG_ARCHIVE_INVALID',
      message: expect.stringContaining('n/g/b') as string,
    })
    expect(files.saves).toEqual([])
  })

  test('begins no other file after it was aborted', async () => {
    const { files, archives } = build()
    const names = Array.from({ length: 100 }, (_, index) => `${index}`)
    const abort = new AbortController()
    files.beforeSave('40', () => abort.abort(new Error('enough')))
    const imported = archives.import(await archiveOf(...names), { conflict: 'skip', signal: abort.signal })
    await expect(imported).rejects.toThrow('enough')
    expect(files.saves.length).toBeLessThan(100)
  })
})
