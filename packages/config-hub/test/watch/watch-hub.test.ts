import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import type { ChangeBatch, ConfigChange, ConfigWatch } from '../../src/watches.ts'
import type { FileKey } from '../../src/model.ts'
import { Feeder, takeUpTo } from '../view/fed-view.ts'
import { fedMember, type FedMember, settle } from './watched-hub.ts'

const group = { namespace: 'default', group: 'shop' }
const file: FileKey = { ...group, file: 'app.yaml' }
const other: FileKey = { ...group, file: 'db/main.yaml' }
const canary = { labels: { zone: 'canary' } }
const rule = { labels: [{ label: 'zone', type: 'exact', value: 'canary' }] } as const

/** Asks once. */
async function ask(watch: ConfigWatch): Promise<ChangeBatch | undefined> {
  return (await watch[Symbol.asyncIterator]().next()).value
}

/** Asks, and says what the answer is as soon as there is one. */
function asking(watch: ConfigWatch): { answer: ChangeBatch | undefined; error: unknown } {
  const state: { answer: ChangeBatch | undefined; error: unknown } = { answer: undefined, error: undefined }
  ask(watch).then(
    (answer) => (state.answer = answer),
    (error: unknown) => (state.error = error),
  )
  return state
}

function told({ changes }: ChangeBatch): readonly string[] {
  return changes.map(toldOne).sort()
}

function toldOne(change: ConfigChange): string {
  if (change.type === 'removed') return `${change.key.file} removed@${change.version}`
  return `${change.release.file} ${change.release.content}@${change.release.version}`
}

/** What an asker is told now. Undefined: he still waits. */
async function toldNow(
  member: FedMember,
  state: { readonly answer: ChangeBatch | undefined },
): Promise<readonly string[] | undefined> {
  await settle(member)
  return state.answer && told(state.answer)
}

describe('a watch of a file', () => {
  test('begins with what there is, and goes on with what comes', async () => {
    const member = fedMember()
    member.feeder.publish(file, { content: 'one' })
    member.take()
    const watch = member.hub.watch({ targets: [file] })
    const first = await ask(watch)
    expect(first && told(first)).toEqual(['app.yaml one@1'])
    expect(first?.revision).toBe(member.view.revision)
    const next = asking(watch)
    expect(await toldNow(member, next)).toBeUndefined()
    member.feeder.publish(file, { content: 'two' })
    member.take()
    expect(await toldNow(member, next)).toEqual(['app.yaml two@2'])
    expect(next.answer?.revision).toBe(member.view.revision)
  })

  test('begins before there is such a file', async () => {
    const member = fedMember()
    const watch = member.hub.watch({ targets: [file] })
    const next = asking(watch)
    member.feeder.save(file)
    member.take()
    expect(await toldNow(member, next)).toBeUndefined()
    member.feeder.publish(file, { content: 'one' })
    member.take()
    expect(await toldNow(member, next)).toEqual(['app.yaml one@1'])
  })

  test('is told nothing of drafts, of equal contents, and of what is restated', async () => {
    const member = fedMember()
    member.feeder.publish(file, { content: 'one' })
    member.take()
    const watches = [[file], [group], [file, other]].map((targets) => member.hub.watch({ targets }))
    for (const watch of watches) await ask(watch)
    const askers = watches.map(asking)
    member.feeder.save(file)
    member.feeder.publish(file, { content: 'one' })
    member.feeder.grayPublish(file, { content: 'gray', rule })
    member.feeder.changeRule(file, { labels: [{ label: 'zone', type: 'exact', value: 'other' }] })
    member.feeder.stop(file)
    member.take()
    for (const asker of askers) expect(await toldNow(member, asker)).toBeUndefined()
    // Its version has moved on all the same.
    member.feeder.withdraw(file)
    member.take()
    for (const asker of askers) expect(await toldNow(member, asker)).toEqual(['app.yaml removed@6'])
    for (const { skipped } of watches) expect(skipped).toBe(0)
  })

  test('is told when only the tags or the format have changed', async () => {
    const member = fedMember()
    member.feeder.publish(file, { content: 'one' })
    member.take()
    const watch = member.hub.watch({ targets: [file] })
    await ask(watch)
    const next = asking(watch)
    member.feeder.publish(file, { content: 'one', tags: { a: '1' } })
    member.take()
    expect(await toldNow(member, next)).toEqual(['app.yaml one@2'])
  })

  test('is told of a gray release, its promotion and its end only as it sees them', async () => {
    const member = fedMember()
    const { feeder } = member
    feeder.publish(file, { content: 'full' })
    member.take()
    const everybody = member.hub.watch({ targets: [file] })
    const some = member.hub.watch({ targets: [file], client: canary })
    await Promise.all([ask(everybody), ask(some)])
    let askers = [asking(everybody), asking(some)] as const
    const both = async (): Promise<unknown> => [
      await toldNow(member, askers[0]),
      await toldNow(member, askers[1]),
    ]
    feeder.grayPublish(file, { content: 'gray', rule })
    member.take()
    expect(await both()).toEqual([undefined, ['app.yaml gray@2']])
    askers = [askers[0], asking(some)]
    feeder.stop(file)
    member.take()
    expect(await both()).toEqual([undefined, ['app.yaml full@3']])
    askers = [askers[0], asking(some)]
    feeder.grayPublish(file, { content: 'gray two', rule })
    member.take()
    expect(await both()).toEqual([undefined, ['app.yaml gray two@4']])
    askers = [askers[0], asking(some)]
    feeder.promote(file)
    member.take()
    expect(await both()).toEqual([['app.yaml gray two@4'], undefined])
    expect(askers[0].answer?.changes[0]).toMatchObject({ release: { origin: 'promote' } })
  })

  test('is told that a file is gone, and of another one with its name', async () => {
    const member = fedMember()
    const { feeder } = member
    feeder.publish(file, { content: 'one' })
    feeder.publish(file, { content: 'two' })
    member.take()
    const watch = member.hub.watch({ targets: [file] })
    await ask(watch)
    let next = asking(watch)
    feeder.delete(file)
    member.take()
    expect(await toldNow(member, next)).toEqual(['app.yaml removed@2'])
    next = asking(watch)
    feeder.publish(file, { content: 'two' })
    member.take()
    expect(await toldNow(member, next)).toEqual(['app.yaml two@3'])
  })

  test('gives the newest to who is slow, and counts what he never got', async () => {
    const member = fedMember()
    const { feeder } = member
    feeder.publish(file, { content: 'v1' })
    member.take()
    const never = member.hub.watch({ targets: [file] })
    const once = member.hub.watch({ targets: [file] })
    await ask(once)
    for (let nth = 2; nth <= 100; nth++) feeder.publish(file, { content: `v${nth}` })
    member.take()
    for (const [watch, skipped] of [
      [never, 99],
      [once, 98],
    ] as const) {
      expect(await ask(watch).then((batch) => batch && told(batch))).toEqual(['app.yaml v100@100'])
      expect(watch.skipped).toBe(skipped)
    }
    expect(member.hub.counters).toMatchObject({ delivered: 3, skipped: 197 })
  })

  test('takes one reader at a time', async () => {
    const member = fedMember()
    const watch = member.hub.watch({ targets: [file] })
    const next = asking(watch)
    await expect(ask(watch)).rejects.toThrow(TypeError)
    watch.close()
    await settle(member)
    expect(next).toEqual({ answer: undefined, error: undefined })
    expect(await watch[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined })
    expect(member.hub.counters.watchers).toBe(0)
    expect(member.view.file(file)).toBeUndefined()
  })

  test('ends with its signal, which keeps nothing of it', async () => {
    const member = fedMember()
    const controller = new AbortController()
    const { signal } = controller
    expect(() => member.hub.watch({ targets: [file] }, { signal: AbortSignal.abort('late') })).toThrow('late')
    const closed = member.hub.watch({ targets: [file] }, { signal })
    closed.close()
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    const idle = member.hub.watch({ targets: [file] }, { signal })
    const waiting = asking(member.hub.watch({ targets: [file] }, { signal }))
    controller.abort(new Error('enough'))
    await settle(member)
    expect(waiting.error).toBe(signal.reason)
    await expect(ask(idle)).rejects.toBe(signal.reason)
    expect(await ask(idle)).toBeUndefined()
  })

  test('ends when the hub is closed: who waits, or asks next, is told so once', async () => {
    const member = fedMember()
    const idle = member.hub.watch({ targets: [file] })
    const waiting = asking(member.hub.watch({ targets: [group] }))
    const poll = member.hub.poll({ targets: [file] })
    member.hub.close()
    await expect(poll).rejects.toMatchObject({ code: 'CONFIG_CLOSED' })
    await settle(member)
    expect(waiting.error).toMatchObject({ code: 'CONFIG_CLOSED' })
    await expect(ask(idle)).rejects.toMatchObject({ code: 'CONFIG_CLOSED' })
    expect(await ask(idle)).toBeUndefined()
    expect(() => member.hub.watch({ targets: [file] })).toThrow(
      expect.objectContaining({ code: 'CONFIG_CLOSED' }),
    )
    expect(member.hub.counters).toMatchObject({ watchers: 0, polls: 0 })
    expect(member.environment.clock.pending).toBe(0)
  })

  test('is refused when there are too many', () => {
    const member = fedMember(new Feeder(), { watchersMax: 2 })
    const watch = member.hub.watch({ targets: [file] })
    member.hub.watch({ targets: [group] })
    const overloaded = expect.objectContaining({ code: 'CONFIG_OVERLOADED' }) as Error
    expect(() => member.hub.watch({ targets: [file] })).toThrow(overloaded)
    watch.close()
    member.hub.watch({ targets: [file] })
  })
})

describe('contents', () => {
  test('are loaded once for all who watch, and all of them get the same object', async () => {
    const member = fedMember(new Feeder(), { cacheMaxBytes: 0 })
    const watches = Array.from({ length: 100 }, () => member.hub.watch({ targets: [file] }))
    const askers = watches.map(asking)
    member.feeder.publish(file, { content: 'one' })
    member.take()
    await settle(member)
    const [first] = askers
    expect(first?.answer && told(first.answer)).toEqual(['app.yaml one@1'])
    for (const { answer } of askers) expect(answer).toBe(first?.answer)
    expect(member.reads).toEqual(['default/shop/app.yaml@1'])
  })

  test('that came along with their release are not read again', async () => {
    const member = fedMember()
    const asker = asking(member.hub.watch({ targets: [file] }))
    member.feeder.publish(file, { content: 'ünï' })
    member.take()
    expect(await toldNow(member, asker)).toEqual(['app.yaml ünï@1'])
    expect(member.reads).toEqual([])
  })

  test('that are slow to open are given all the same, though newer ones have come', async () => {
    const member = fedMember()
    const watch = member.hub.watch({ targets: [file] })
    let asker = asking(watch)
    let open = (): void => undefined
    member.gate = new Promise((resolve) => (open = resolve))
    member.feeder.publish(file, { content: 'one', encrypted: true })
    member.take()
    const atFirst = member.view.revision
    await settle(member)
    member.feeder.publish(file, { content: 'two', encrypted: true })
    member.take()
    expect(await toldNow(member, asker)).toBeUndefined()
    open()
    member.gate = new Promise((resolve) => (open = resolve))
    expect(await toldNow(member, asker)).toEqual(['app.yaml one@1'])
    expect(asker.answer?.revision).toBe(atFirst)
    asker = asking(watch)
    open()
    expect(await toldNow(member, asker)).toEqual(['app.yaml two@2'])
  })

  test('that cannot be read now are asked for again', async () => {
    const member = fedMember(new Feeder(), { cacheMaxBytes: 0 })
    const asker = asking(member.hub.watch({ targets: [file] }))
    const wide = asking(member.hub.watch({ targets: [group] }))
    member.failure = new Error('no leader')
    member.feeder.publish(file, { content: 'one' })
    member.take()
    await settle(member)
    member.environment.clock.advance(1_000)
    expect(await toldNow(member, asker)).toBeUndefined()
    expect(member.reads.length).toBeGreaterThan(1)
    member.failure = undefined
    member.environment.clock.advance(1_000)
    expect(await toldNow(member, asker)).toEqual(['app.yaml one@1'])
    expect(await toldNow(member, wide)).toEqual(['app.yaml one@1'])
  })

  test('that never open end the watch', async () => {
    const member = fedMember(new Feeder(), { hasKeys: false })
    const asker = asking(member.hub.watch({ targets: [file] }))
    const wide = asking(member.hub.watch({ targets: [group] }))
    member.feeder.publish(file, { content: 'one', encrypted: true })
    member.take()
    await settle(member)
    expect(asker.error).toMatchObject({ code: 'CONFIG_KEYS_MISSING' })
    expect(wide.error).toMatchObject({ code: 'CONFIG_KEYS_MISSING' })
    expect(member.hub.counters.watchers).toBe(0)
  })

  test('that never open end nothing when newer ones have come', async () => {
    const member = fedMember(new Feeder(), { hasKeys: false })
    const askers = [[file], [group]].map((targets) => asking(member.hub.watch({ targets })))
    let open = (): void => undefined
    member.gate = new Promise((resolve) => (open = resolve))
    member.feeder.publish(file, { content: 'one', encrypted: true })
    member.take()
    await settle(member)
    member.feeder.publish(file, { content: 'two' })
    member.take()
    await settle(member)
    open()
    for (const asker of askers) expect(await toldNow(member, asker)).toEqual(['app.yaml two@2'])
  })
})

describe('a watch of many files', () => {
  test('tells of what is gone as it was when it was looked at, however long other contents take', async () => {
    const member = fedMember()
    const { feeder } = member
    feeder.publish(file, { content: 'one' })
    const md5 = feeder.file(file)?.release?.md5 ?? ''
    feeder.delete(file)
    feeder.publish(other, { content: 'other', encrypted: true })
    member.take()
    let open = (): void => undefined
    member.gate = new Promise((resolve) => (open = resolve))
    // He does not say which version he has.
    const watch = member.hub.watch({ targets: [group], known: [{ ...file, md5 }] })
    let asker = asking(watch)
    await settle(member)
    feeder.publish(file, { content: 'two' })
    member.take()
    expect(await toldNow(member, asker)).toBeUndefined()
    open()
    expect(await toldNow(member, asker)).toEqual(['app.yaml removed@1', 'db/main.yaml other@1'])
    asker = asking(watch)
    expect(await toldNow(member, asker)).toEqual(['app.yaml two@2'])
  })

  test('begins with all there is, and tells of each file once, however it is wanted', async () => {
    const member = fedMember()
    member.feeder.publish(file, { content: 'a' })
    member.feeder.publish(other, { content: 'b' })
    member.take()
    const targets = [file, { ...group, prefix: 'db/' }, { ...group, prefix: 'db/m' }, file, other]
    const watch = member.hub.watch({ targets })
    const all = ['app.yaml a@1', 'db/main.yaml b@1']
    expect(await ask(watch).then((batch) => batch && told(batch))).toEqual(all)
    const whole = member.hub.watch({ targets: [group, file] })
    expect(await ask(whole).then((batch) => batch && told(batch))).toEqual(all)
    const askers = [asking(watch), asking(whole)] as const
    member.feeder.publish({ ...group, file: 'web.yaml' }, { content: 'c' })
    member.take()
    expect(await toldNow(member, askers[0])).toBeUndefined()
    expect(await toldNow(member, askers[1])).toEqual(['web.yaml c@1'])
    member.feeder.publish({ ...group, file: 'db/x' }, { content: 'd' })
    member.take()
    expect(await toldNow(member, askers[0])).toEqual(['db/x d@1'])
  })

  test('gives the newest of each file to who is slow', async () => {
    const member = fedMember()
    const watch = member.hub.watch({ targets: [group] })
    member.feeder.publish(file, { content: 'a1' })
    member.take()
    await ask(watch)
    for (let nth = 2; nth < 50; nth++) member.feeder.publish(file, { content: `a${nth}` })
    member.feeder.publish(other, { content: 'b1' })
    member.feeder.delete(other)
    member.feeder.delete(file)
    member.take()
    expect(await ask(watch).then((batch) => batch && told(batch))).toEqual(['app.yaml removed@1'])
    member.feeder.publish(file, { content: 'new' })
    member.take()
    expect(await ask(watch).then((batch) => batch && told(batch))).toEqual(['app.yaml new@50'])
  })

  test('comes in parts when it is much, and says only with the last that all of it is told', async () => {
    const member = fedMember(new Feeder(), { cacheMaxBytes: 0 })
    const count = 2_500
    for (let nth = 0; nth < count; nth++) {
      member.feeder.publish({ ...group, file: `f${nth}` }, { content: `${nth}` })
    }
    member.take()
    const watch = member.hub.watch({ targets: [group] })
    const files = new Set<string>()
    const revisions: number[] = []
    while (files.size < count) {
      const asker = asking(watch)
      await settle(member)
      for (const change of asker.answer?.changes ?? []) {
        if (change.type === 'released') files.add(change.release.file)
      }
      revisions.push(asker.answer?.revision ?? -1)
    }
    expect(revisions).toEqual([0, 0, member.view.revision])
  })

  test('forgets what it needed when nobody watches any more', async () => {
    const member = fedMember()
    const watch = member.hub.watch({
      targets: [group, { ...group, group: 'nowhere' }, { ...group, group: 'other', file: 'x' }],
      known: [{ ...group, group: 'nowhere', file: 'y', version: 3 }],
    })
    const next = asking(watch)
    member.feeder.publish(file, { content: 'a' })
    member.take()
    await toldNow(member, next)
    watch.close()
    const home = member.view.group(group)
    expect([...member.view.groupEntries()]).toEqual([home])
    expect(home?.watchers).toBeUndefined()
    expect(home?.newest).toBeUndefined()
    expect(member.view.file(file)).toMatchObject({ holds: 0, changedAt: 0, watchers: undefined })
  })
})

describe('what a client says it has', () => {
  const cases: readonly (readonly [string, object, string | undefined])[] = [
    ['nothing', {}, 'app.yaml two@2'],
    ['an older version', { version: 1 }, 'app.yaml two@2'],
    ['this version', { version: 2 }, undefined],
    ['another content', { md5: '0'.repeat(32) }, 'app.yaml two@2'],
    ['this content', { md5: 'B8A9F715DBB64FD5C56E7783C6820A61' }, undefined],
    ['no content', { md5: '' }, 'app.yaml two@2'],
    ['this version with another content', { version: 2, md5: '0'.repeat(32) }, 'app.yaml two@2'],
    ['this version with this content', { version: 2, md5: 'b8a9f715dbb64fd5c56e7783c6820a61' }, undefined],
    ['a version that is not here yet', { version: 3 }, undefined],
    ['that the last one was removed', { version: 2, md5: '' }, undefined],
  ]
  test.each(cases)('%s', async (_, known, expected) => {
    const member = fedMember()
    member.feeder.publish(file, { content: 'one' })
    member.feeder.publish(file, { content: 'two' })
    member.take()
    for (const targets of [[file], [group], [file, other]]) {
      const watch = member.hub.watch({ targets, known: [{ ...file, ...known }] })
      const poll = await member.hub.poll({ targets, known: [{ ...file, ...known }] }, { timeoutMs: 0 })
      const asker = asking(watch)
      expect(await toldNow(member, asker)).toEqual(expected && [expected])
      expect(poll.type).toBe(expected === undefined ? 'unchanged' : 'changed')
      watch.close()
    }
  })

  test('is compared again when this member has caught up with it', async () => {
    const member = fedMember()
    const { feeder } = member
    for (const content of ['one', 'two', 'three', 'four']) feeder.publish(file, { content })
    member.take(feeder.revision - 2)
    const known = [{ ...file, version: 3, md5: 'x' }]
    const askers = [
      asking(member.hub.watch({ targets: [file], known })),
      asking(member.hub.watch({ targets: [group], known })),
    ]
    for (const asker of askers) expect(await toldNow(member, asker)).toBeUndefined()
    member.take()
    for (const asker of askers) expect(await toldNow(member, asker)).toEqual(['app.yaml four@4'])
  })

  test('makes him told of what is gone', async () => {
    const member = fedMember()
    member.feeder.publish(file, { content: 'one' })
    member.feeder.delete(file)
    member.take()
    const known = [
      { ...file, version: 1 },
      { ...other, md5: 'x' },
      { ...other, group: 'unwatched', version: 1 },
    ]
    const asker = asking(member.hub.watch({ targets: [group], known }))
    expect(await toldNow(member, asker)).toEqual(['app.yaml removed@1', 'db/main.yaml removed@0'])
    const single = asking(member.hub.watch({ targets: [file], known }))
    expect(await toldNow(member, single)).toEqual(['app.yaml removed@1'])
  })

  test('or has seen elsewhere holds everything back until it is seen here', async () => {
    const member = fedMember()
    const { feeder } = member
    feeder.publish(file, { content: 'one' })
    feeder.publish(other, { content: 'two' })
    feeder.other()
    member.take(feeder.revision - 2)
    const afterRevision = feeder.revision
    const askers = [
      asking(member.hub.watch({ targets: [file], afterRevision })),
      asking(member.hub.watch({ targets: [group], afterRevision })),
    ]
    const poll = member.hub.poll({ targets: [group], afterRevision })
    member.hub.watch({ targets: [file], afterRevision }).close()
    expect(member.hub.lagging.size).toBe(3)
    member.take(feeder.revision - 1)
    for (const asker of askers) expect(await toldNow(member, asker)).toBeUndefined()
    member.take()
    expect(await toldNow(member, askers[0] ?? { answer: undefined })).toEqual(['app.yaml one@1'])
    const all = ['app.yaml one@1', 'db/main.yaml two@1']
    expect(await toldNow(member, askers[1] ?? { answer: undefined })).toEqual(all)
    expect((await poll).type).toBe('changed')
    expect(member.hub.lagging.size).toBe(0)
  })

  test('is compared though nothing happens here, when this member has asked', async () => {
    const feeder = new Feeder()
    // Nothing of what is written concerns the hub, so that nobody tells this member of it.
    let asked = 0
    const member = fedMember(feeder, {
      current: () => {
        asked++
        return Promise.resolve(100)
      },
      reach: (revision, { view }) => view.progressed(revision),
    })
    feeder.publish(file, { content: 'one' })
    member.take()
    const asker = asking(member.hub.watch({ targets: [file], afterRevision: 99 }))
    const bogus = asking(member.hub.watch({ targets: [file], afterRevision: 101 }))
    expect(await toldNow(member, asker)).toEqual(['app.yaml one@1'])
    expect(await toldNow(member, bogus)).toBeUndefined()
    expect(member.hub.lagging.size).toBe(1)
    // It waits, but does not keep anybody busy.
    const before = asked
    member.environment.clock.advance(60_000)
    await settle(member)
    expect(asked).toBe(before)
  })

  test('makes the store be asked where it may be that he or this member lags', async () => {
    const feeder = new Feeder()
    const asked: (() => void)[] = []
    const current = async (): Promise<number> => {
      await new Promise<void>((resolve) => asked.push(resolve))
      if (asked.length === 1) throw new Error('no leader')
      return feeder.revision
    }
    const member = fedMember(feeder, {
      current,
      reach: (revision, { view }) => takeUpTo(view, feeder, revision),
    })
    feeder.publish(file, { content: 'full' })
    feeder.grayPublish(file, { content: 'gray', rule })
    member.take()
    const known = [{ ...file, version: 2 }]
    const askers = [
      asking(member.hub.watch({ targets: [file], known })),
      asking(member.hub.watch({ targets: [group], known })),
      asking(member.hub.watch({ targets: [file, other], known })),
    ]
    feeder.promote(file)
    asked[0]?.()
    await settle(member)
    member.environment.clock.advance(1_000)
    for (const asker of askers) expect(await toldNow(member, asker)).toBeUndefined()
    // All of them who were there when it was asked first have one answer; who came later, another.
    for (let nth = 1; nth < asked.length; nth++) asked[nth]?.()
    await settle(member)
    // It was this member: they have what there is.
    for (const asker of askers) expect(await toldNow(member, asker)).toBeUndefined()
    expect(member.hub.lagging.size).toBe(0)
    feeder.grayPublish(file, { content: 'gray two', rule })
    member.take()
    const changed = asking(member.hub.watch({ targets: [file], known: [{ ...file, version: 3 }] }))
    expect(await toldNow(member, changed)).toBeUndefined()
    asked.at(-1)?.()
    // It was the client, who is another one now.
    expect(await toldNow(member, changed)).toEqual(['app.yaml gray@2'])
  })
})
