import { getEventListeners } from 'node:events'
import type { Clock } from '@orrery/environment'
import { createManualClock } from '@orrery/environment/testing'
import { describe, expect, test } from 'vitest'
import { releaseInfoOf } from '../../src/codec.ts'
import type { PollResult } from '../../src/watches.ts'
import type { FileKey } from '../../src/model.ts'
import { Feeder } from '../view/fed-view.ts'
import { fedMember, settle } from './watched-hub.ts'

const group = { namespace: 'default', group: 'shop' }
const file: FileKey = { ...group, file: 'app.yaml' }
const other: FileKey = { ...group, file: 'web.yaml' }

/** What a poll has answered so far. */
function watched(poll: Promise<PollResult>): { result: PollResult | undefined } {
  const state: { result: PollResult | undefined } = { result: undefined }
  void poll.then((result) => (state.result = result))
  return state
}

describe('a poll', () => {
  test('is answered at once when there is something, without its content', async () => {
    const member = fedMember(new Feeder(), { cacheMaxBytes: 0 })
    member.feeder.publish(file, { content: 'one' })
    member.take()
    const expected = { type: 'changed', revision: 2, changes: [{ type: 'released', key: file }] }
    expect(await member.hub.poll({ targets: [file] })).toMatchObject(expected)
    expect(await member.hub.poll({ targets: [group] })).toMatchObject(expected)
    expect(member.reads).toEqual([])
    expect(member.hub.counters).toMatchObject({ polls: 0, delivered: 2 })
    expect(member.environment.clock.pending).toBe(0)
  })

  test('is told of a gray release what is said of it, not whom it is for, and shares that with others', async () => {
    const member = fedMember()
    const rule = { labels: [{ label: 'zone', type: 'exact', value: 'canary' }] } as const
    const client = { labels: { zone: 'canary' } }
    member.feeder.grayPublish(file, { content: 'gray', rule })
    member.feeder.publish(other, { content: 'one' })
    member.take()
    const gray = member.feeder.file(file)?.gray
    const info = gray && releaseInfoOf(gray)
    const told: unknown[] = []
    for (const targets of [[file], [file, other], [group]]) {
      const result = await member.hub.poll({ targets, client })
      const changes = result.type === 'changed' ? result.changes : []
      const change = changes.find((one) => one.type === 'released' && one.key.file === file.file)
      expect(change).toStrictEqual({ type: 'released', key: file, info })
      told.push(change?.type === 'released' && change.info)
    }
    expect(new Set(told).size).toBe(1)
    expect(told.every((one) => Object.isFrozen(one))).toBe(true)
  })

  test('waits for what comes', async () => {
    const member = fedMember()
    const polls = [[file], [group], [file, other]].map((targets) => watched(member.hub.poll({ targets })))
    await settle(member)
    for (const { result } of polls) expect(result).toBeUndefined()
    member.feeder.publish(file, { content: 'one' })
    member.feeder.publish(file, { content: 'two' })
    member.take()
    await settle(member)
    for (const { result } of polls) {
      expect(result).toMatchObject({ type: 'changed', revision: 3, changes: [{ info: { version: 2 } }] })
    }
    const known = [{ ...file, version: 2 }]
    const gone = watched(member.hub.poll({ targets: [file], known }))
    member.feeder.delete(file)
    member.take()
    await settle(member)
    expect(gone.result).toMatchObject({ changes: [{ type: 'removed', key: file, version: 2 }] })
    expect(member.view.file(file)?.watchers).toBeUndefined()
    expect(member.view.group(group)?.watchers).toBeUndefined()
  })

  test('is told when its time is up that there is nothing', async () => {
    const member = fedMember()
    const polls = [
      watched(member.hub.poll({ targets: [file] })),
      watched(member.hub.poll({ targets: [group] }, { timeoutMs: 1_000 })),
      watched(member.hub.poll({ targets: [group] }, { timeoutMs: 0 })),
      watched(member.hub.poll({ targets: [file], afterRevision: 99 }, { timeoutMs: 1_000 })),
    ]
    const answered = async (): Promise<unknown> => {
      await settle(member)
      return polls.map(({ result }) => result?.type)
    }
    expect(await answered()).toEqual([undefined, undefined, 'unchanged', undefined])
    member.environment.clock.advance(999)
    expect(await answered()).toEqual([undefined, undefined, 'unchanged', undefined])
    member.environment.clock.advance(20)
    expect(await answered()).toEqual([undefined, 'unchanged', 'unchanged', 'unchanged'])
    member.environment.clock.advance(30_000)
    expect(await answered()).toEqual(['unchanged', 'unchanged', 'unchanged', 'unchanged'])
    expect(member.hub.counters.polls).toBe(0)
    expect(member.hub.lagging.size).toBe(0)
    expect(member.view.group(group)).toBeUndefined()
  })

  test('rejects with the reason of its signal, which keeps nothing of it', async () => {
    const member = fedMember()
    const controller = new AbortController()
    const { signal } = controller
    const answered = member.hub.poll({ targets: [file] }, { signal, timeoutMs: 100 })
    const aborted = member.hub.poll({ targets: [group] }, { signal, timeoutMs: 10_000 })
    member.environment.clock.advance(200)
    expect(await answered).toMatchObject({ type: 'unchanged' })
    controller.abort(new Error('enough'))
    await expect(aborted).rejects.toBe(signal.reason)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
    await expect(member.hub.poll({ targets: [file] }, { signal })).rejects.toBe(signal.reason)
    expect(member.hub.counters.polls).toBe(0)
  })

  test('rejects what it cannot take', async () => {
    const member = fedMember(new Feeder(), { watchersMax: 1 })
    const invalid = { code: 'CONFIG_INVALID' }
    await expect(member.hub.poll({ targets: [] })).rejects.toMatchObject(invalid)
    await expect(member.hub.poll({ targets: [file] }, { timeoutMs: -1 })).rejects.toMatchObject(invalid)
    await expect(member.hub.poll({ targets: [file] }, { timeoutMs: 600_001 })).rejects.toMatchObject(invalid)
    void member.hub.poll({ targets: [file] })
    await expect(member.hub.poll({ targets: [file] })).rejects.toMatchObject({ code: 'CONFIG_OVERLOADED' })
  })

  test('of many for the same is answered with the same object, in one pass', async () => {
    const member = fedMember()
    const count = 10_000
    const results = new Set<PollResult>()
    const polls = Array.from({ length: count }, (_, nth) =>
      member.hub.poll({ targets: [nth % 10 === 0 ? group : file] }).then((result) => results.add(result)),
    )
    member.feeder.publish(file, { content: 'one' })
    member.take()
    await Promise.all(polls)
    expect(results.size).toBe(1)
    expect(member.hub.counters).toMatchObject({ polls: 0, delivered: count })
  })

  test('of very many that run out together does not hold up the event loop for all of them', () => {
    const manual = createManualClock()
    const deferred: (() => void)[] = []
    const clock: Clock = {
      ...manual,
      defer: (callback) => {
        deferred.push(callback)
        return { cancel: () => undefined }
      },
    }
    const member = fedMember(new Feeder(), { clock })
    for (let nth = 0; nth < 5_000; nth++) void member.hub.poll({ targets: [file] }, { timeoutMs: 100 })
    const { counters } = member.hub
    manual.advance(200)
    const left = [counters.polls]
    while (deferred.length > 0) {
      deferred.shift()?.()
      left.push(counters.polls)
    }
    expect(left).toEqual([3_000, 1_000, 0])
  })
})
