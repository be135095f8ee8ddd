import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore, type Store } from '@orrery/store'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { WriteOptions } from '../../src/calls.ts'
import { decodeGone } from '../../src/codec.ts'
import { ConfigError } from '../../src/errors.ts'
import type { AuditEntry, FileKey } from '../../src/model.ts'
import { ContentHistory } from '../../src/writes/content-history.ts'
import type { ConfigWriter } from '../../src/writes/config-writer.ts'
import { md5Of } from '../../src/writes/file-contents.ts'
import { type NaiveFile, NaiveFiles, type NaiveRelease, type Operation } from './naive-files.ts'
import { createTrail, createWriter, FakeCodec, prefix, readAll, type TestWriter, trailOf } from './writers.ts'

const keptMax = 3

const contents = fc.constantFrom('a = 1', 'a = 2', '', 'größer')
const rules = fc.constantFrom({ percent: 10 }, { percent: 20 })
const flag = fc.option(fc.boolean(), { nil: undefined, freq: 3 })
const maybe = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(values, { nil: undefined })

const operations: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({
        type: fc.constant('save' as const),
        content: maybe(contents),
        comment: maybe(fc.constantFrom('x', 'y')),
        encrypted: flag,
      })
      .map(defined),
  },
  {
    weight: 5,
    arbitrary: fc
      .record({ type: fc.constant('publish' as const), content: maybe(contents), encrypted: flag })
      .map(defined),
  },
  {
    weight: 3,
    arbitrary: fc
      .record({ type: fc.constant('publishGray' as const), content: maybe(contents), rule: rules })
      .map(defined),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('rollback' as const), version: fc.integer({ min: 1, max: 9 }) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('changeRule' as const), rule: rules }) },
  {
    weight: 6,
    arbitrary: fc.constantFrom<Operation>(
      ...(['discard', 'delete', 'withdraw', 'promote', 'stop', 'rotate'] as const).map((type) => ({ type })),
    ),
  },
)

/** Leaves out what is not given. */
function defined<T extends object>(value: T): { [Name in keyof T]: Exclude<T[Name], undefined> } {
  const entries = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(entries) as { [Name in keyof T]: Exclude<T[Name], undefined> }
}

const steps = fc.record({
  member: fc.integer({ min: 0, max: 1 }),
  file: fc.constantFrom('a', 'b/c'),
  operation: operations,
  condition: fc.constantFrom(
    'none',
    'none',
    'none',
    'rightRevision',
    'wrongRevision',
    'rightMd5',
    'wrongMd5',
  ),
  /** Which member hears of nothing for the time being. */
  held: fc.constantFrom(undefined, undefined, 0, 1),
  /** How the clock of the member moves. Unit: ms. */
  shiftMs: fc.constantFrom(0, 0, 1, 5_000, -7_000),
})

function keyOf(file: string): FileKey {
  return { namespace: 'default', group: 'shop', file }
}

async function perform(
  writer: ConfigWriter,
  key: FileKey,
  { operation, options }: { readonly operation: Operation; readonly options: WriteOptions },
): Promise<unknown> {
  switch (operation.type) {
    case 'save':
      return await writer.save(key, operation, options)
    case 'publish':
      return await writer.publish(key, operation, options)
    case 'publishGray':
      return await writer.publishGray(key, operation, options)
    case 'rollback':
      return await writer.rollback(key, operation.version, options)
    case 'changeRule':
      return await writer.changeGrayRule(key, operation.rule, options)
    case 'promote':
      return await writer.promoteGray(key, options)
    case 'stop':
      return await writer.stopGray(key, options)
    case 'rotate':
      return await writer.rotateDataKey(key, options)
    case 'withdraw':
      return await writer.withdraw(key, options)
    case 'discard':
      return await writer.discardDraft(key, options)
    case 'delete': {
      await writer.delete(key, options)
      return
    }
  }
}

/** Two members over one store. */
function twoMembers(store: Store, codec: FakeCodec): readonly [TestWriter, TestWriter] {
  const member = (seed: number): TestWriter => {
    const environment = createManualEnvironment(seed)
    environment.clock.shiftWall(100_000 * seed)
    return createWriter(store, { codec, environment, releasesMaxItems: keptMax, validateContents: false })
  }
  return [member(1), member(2)]
}

async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call
    return undefined
  } catch (error) {
    if (error instanceof ConfigError) return error.code
    throw error
  }
}

/** What a release says, as far as the description knows. */
function plainRelease(release: Pick<NaiveRelease, 'version' | 'origin' | 'encrypted'> | undefined): unknown {
  return release && { version: release.version, origin: release.origin, encrypted: release.encrypted }
}

/** Everything that stands in the store of a file, decoded, beside what the description says. */
async function expectSame(
  { seen, contents: reader }: TestWriter,
  store: Store,
  {
    name,
    file,
    gone,
  }: { readonly name: string; readonly file: NaiveFile | undefined; readonly gone: number | undefined },
): Promise<void> {
  const key = keyOf(name)
  const path = `default/shop/${encodeURIComponent(name)}`
  const record = seen.record(key)
  const goneKv = await store.get(`${prefix}live/gone/${path}`)
  expect(goneKv && decodeGone(goneKv.value).latestVersion).toBe(gone)
  if (file === undefined) {
    expect(record).toBeUndefined()
    for (const area of ['live/releases/', 'drafts/']) {
      const from = `${prefix}${area}${path}`
      expect((await store.range({ key: from, rangeEnd: `${from}0` })).kvs).toEqual([])
    }
    return
  }
  expect(record?.file).toMatchObject({
    ...key,
    ...{ comment: file.comment, encrypted: file.encrypted, hasDraft: file.draft !== undefined },
    latestVersion: file.latest,
  })
  expect(plainRelease(record?.file.release)).toEqual(plainRelease(file.full))
  expect(plainRelease(record?.file.gray)).toEqual(plainRelease(file.gray))
  expect(record?.file.gray?.rule).toEqual(file.gray?.rule)
  const history = new ContentHistory({ store, prefix, contents: reader })
  const kept = [...file.history.values()].reverse()
  const { items, next } = await history.history(key)
  expect(next).toBeUndefined()
  expect(items.map(({ version, encrypted }) => ({ version, encrypted }))).toEqual(
    kept.map(({ version, encrypted }) => ({ version, encrypted })),
  )
  for (const { version, content } of kept) {
    expect(await history.get(key, version)).toMatchObject({
      version,
      content,
      sizeBytes: Buffer.byteLength(content),
    })
  }
  const draft = await history.draft(key)
  expect(draft?.content).toBe(file.draft ?? file.history.get(file.latest)?.content)
}

/** Entries of a file lead to one another, whatever the clocks of its writers say. */
async function expectFoundByFile(store: Store, trail: readonly AuditEntry[]): Promise<void> {
  for (const name of ['a', 'b/c']) {
    const found = await readAll(createTrail(store), { ...keyOf(name), limit: 3 })
    expect(found.toReversed()).toEqual(trail.filter(({ file }) => file === name))
  }
}

/** Entries of one subject are in the order of their revisions, and no two have the same id. */
function expectInOrder(trail: readonly AuditEntry[]): void {
  expect(new Set(trail.map(({ id }) => id)).size).toBe(trail.length)
  expect(trail.map(({ id }) => id)).toEqual(trail.map(({ id }) => id).sort())
  const last = new Map<string, AuditEntry>()
  for (const entry of trail) {
    const subject = `${entry.namespace} ${entry.group} ${entry.file}`
    const before = last.get(subject)
    expect(entry.revision).toBeGreaterThan(before?.revision ?? 0)
    last.set(subject, entry)
  }
}

describe('two config writers over one store', () => {
  test('do what a simple description says, however little they have seen of each other', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 60, size: 'max' }), async (script) => {
        await using store = createMemoryStore({ environment: createManualEnvironment(9) })
        const naive = new NaiveFiles(keptMax)
        const members = twoMembers(store, new FakeCodec())
        let entries = 0
        for (const { member, file, operation, condition, held, shiftMs } of script) {
          members.forEach(({ seen }, at) => (seen.isHeld = at === held))
          const { writer, environment } = members[member === 0 ? 0 : 1]
          environment.clock.shiftWall(shiftMs)
          const key = keyOf(file)
          const own = await store.get(`${prefix}live/files/default/shop/${encodeURIComponent(file)}`)
          const edited = naive.edited(file)
          const options = {
            none: {},
            rightRevision: { ifRevision: own?.modRevision ?? 0 },
            wrongRevision: { ifRevision: (own?.modRevision ?? 0) + 1 },
            rightMd5: { ifMd5: edited === undefined ? '' : md5Of(edited) },
            wrongMd5: { ifMd5: md5Of('wrong') },
          }[condition]
          const isConflict = condition.startsWith('wrong')
          const expected = isConflict ? 'CONFIG_CONFLICT' : naive.apply(file, operation)
          const { revision } = store.status()
          const hadGroup = revision > 1
          expect(await codeOf(perform(writer, key, { operation, options }))).toBe(expected)
          if (expected === undefined) entries += hadGroup ? 1 : 2
          expect(store.status().revision).toBe(expected === undefined ? revision + 1 : revision)
        }
        const [first] = members
        await first.seen.read()
        for (const name of ['a', 'b/c']) {
          const [file, gone] = [naive.files.get(name), naive.gone.get(name)]
          await expectSame(first, store, { name, file, gone })
        }
        const trail = await trailOf(store)
        expect(trail).toHaveLength(entries)
        expectInOrder(trail)
        await expectFoundByFile(store, trail)
      }),
      { numRuns: 100 },
    )
  })

  test('take each write for itself when many are under way', async () => {
    const storm = fc.array(steps, { minLength: 2, maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(fc.array(storm, { minLength: 1, maxLength: 5 }), async (storms) => {
        await using store = createMemoryStore({ environment: createManualEnvironment(9) })
        const members = twoMembers(store, new FakeCodec())
        let done = 0
        const versions = new Map<string, number>()
        for (const calls of storms) {
          const results = await Promise.all(
            calls.map(({ member, file, operation, shiftMs }) => {
              const { writer, environment } = members[member === 0 ? 0 : 1]
              environment.clock.shiftWall(shiftMs)
              return codeOf(perform(writer, keyOf(file), { operation, options: {} }))
            }),
          )
          done += results.filter((code) => code === undefined).length
          expect(results).not.toContain('CONFIG_OVERLOADED')
          await members[0].seen.read()
          for (const name of ['a', 'b/c']) {
            const record = members[0].seen.record(keyOf(name))
            if (record === undefined) continue
            const { latestVersion, release, gray } = record.file
            expect(latestVersion).toBeGreaterThanOrEqual(versions.get(name) ?? 0)
            versions.set(name, latestVersion)
            for (const info of [release, gray]) {
              if (info === undefined) continue
              const stored = await members[0].contents.release(record.path, info.version)
              expect(stored?.head.md5).toBe(info.md5)
            }
          }
        }
        const trail = await trailOf(store)
        expectInOrder(trail)
        await expectFoundByFile(store, trail)
        expect(trail.filter(({ action }) => action !== 'groupCreated')).toHaveLength(done)
        for (const name of ['a', 'b/c']) expectVersionsGrow(trail.filter(({ file }) => file === name))
      }),
      { numRuns: 100 },
    )
  })
})

/** No version is made twice. What is only about a version that was made before is left out. */
function expectVersionsGrow(trail: readonly AuditEntry[]): void {
  const making = ['published', 'grayPublished', 'rolledBack', 'grayRuleChanged']
  const made = trail.flatMap(({ action, version }) => (making.includes(action) ? (version ?? []) : []))
  expect(made).toEqual([...new Set(made)].sort((a, b) => a - b))
}
