import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import type { ChangeBatch, WatchListener, WatchQuery } from '../../src/watches.ts'
import { createConfigHub } from '../../src/create-config-hub.ts'
import { expectNobody, file, group, other, release, releasedMember } from './released-member.ts'
import { fedMember, settle } from './watched-hub.ts'

/** A listener that keeps all it is told. */
interface Told extends WatchListener {
  readonly batches: ChangeBatch[]
  readonly errors: unknown[]
}

/** @param then what it does, too, whatever it is told */
function told(then: () => void = () => {}): Told {
  const batches: ChangeBatch[] = []
  const errors: unknown[] = []
  return {
    ...{ batches, errors },
    changed: (batch) => {
      batches.push(batch)
      then()
    },
    failed: (error) => {
      errors.push(error)
      then()
    },
  }
}

function contentsOf({ batches }: Told): readonly string[] {
  return batches.flatMap(({ changes }) =>
    changes.map((change) => (change.type === 'released' ? change.release.content : 'removed')),
  )
}

/** Of one file, of several, and of a group. */
const queries: readonly (readonly [string, WatchQuery])[] = [
  ['a file', { targets: [file] }],
  ['files', { targets: [file, other] }],
  ['a group', { targets: [group] }],
]

describe.each(queries)('a watch of %s, with a listener', (_, query) => {
  test('is told what there is, when the call has returned, and then what comes', async () => {
    const member = releasedMember()
    const [first, listener] = [told(), told()]
    member.hub.startWatch(query, first)
    await settle(member)
    expect(contentsOf(first)).toEqual(['one'])
    // Its content is in memory now.
    const watch = member.hub.startWatch(query, listener)
    expect(listener.batches).toEqual([])
    await settle(member)
    expect(contentsOf(listener)).toEqual(['one'])
    expect(listener.batches[0]?.revision).toBe(member.view.revision)
    release(member, 'two')
    await settle(member)
    release(member, 'three')
    await settle(member)
    expect(contentsOf(listener)).toEqual(['one', 'two', 'three'])
    expect(contentsOf(first)).toEqual(['one', 'two', 'three'])
    expect(member.hub.counters).toMatchObject({ watchers: 2, delivered: 6 })
    watch.close()
    expect(member.hub.counters.watchers).toBe(1)
  })

  test('is given the newest where several come before its turn, and counts the others', async () => {
    const member = releasedMember()
    const listener = told()
    const watch = member.hub.startWatch(query, listener)
    await settle(member)
    for (const content of ['two', 'three', 'four']) release(member, content)
    await settle(member)
    expect(contentsOf(listener)).toEqual(['one', 'four'])
    expect(watch.skipped).toBe(2)
  })

  test('is told nothing of what it knows, and what is gone', async () => {
    const member = releasedMember()
    const listener = told()
    member.hub.startWatch({ ...query, known: [{ ...file, version: 1 }] }, listener)
    await settle(member)
    expect(listener.batches).toEqual([])
    member.feeder.delete(file)
    member.take()
    await settle(member)
    expect(contentsOf(listener)).toEqual(['removed'])
  })

  test('that is closed is told nothing, and leaves nothing behind', async () => {
    const member = releasedMember()
    const listener = told()
    for (const one of [query, { ...query, afterRevision: 1_000 }]) {
      const watch = member.hub.startWatch(one, listener)
      watch.close()
      watch.close()
      expectNobody(member)
    }
    release(member, 'two')
    await settle(member)
    member.hub.close()
    expect([listener.batches, listener.errors]).toEqual([[], []])
  })

  test('may be closed by its listener', async () => {
    const member = releasedMember()
    const listener = told(() => watch.close())
    const watch = member.hub.startWatch(query, listener)
    await settle(member)
    release(member, 'two')
    await settle(member)
    expect(contentsOf(listener)).toEqual(['one'])
    expectNobody(member)
  })

  test('is told nothing that is older than what its client has seen', async () => {
    const member = releasedMember()
    const listener = told()
    member.hub.startWatch({ ...query, afterRevision: member.view.revision + 2 }, listener)
    release(member, 'two')
    await settle(member)
    expect(listener.batches).toEqual([])
    release(member, 'three')
    await settle(member)
    expect(contentsOf(listener)).toEqual(['three'])
  })

  test('fails once when the hub closes', async () => {
    const member = releasedMember()
    const listener = told()
    const watch = member.hub.startWatch(query, listener)
    member.hub.close()
    member.hub.close()
    watch.close()
    await settle(member)
    expect(listener.errors).toMatchObject([{ code: 'CONFIG_CLOSED' }])
    expect([listener.batches, listener.errors.length]).toEqual([[], 1])
    expectNobody(member)
  })

  test('fails where what it would be told can never be opened', async () => {
    const member = releasedMember({ hasKeys: false })
    const listener = told()
    member.hub.startWatch(query, listener)
    await settle(member)
    member.feeder.publish(file, { content: 'two', encrypted: true })
    member.take()
    await settle(member)
    expect(listener.errors).toMatchObject([{ code: 'CONFIG_KEYS_MISSING' }])
    expect(contentsOf(listener)).toEqual(['one'])
    expectNobody(member)
  })
})

describe('a watch with a listener', () => {
  test('that is refused throws, and its listener is not told', async () => {
    const member = releasedMember({ watchersMax: 1 })
    const listener = told()
    const start = (query: WatchQuery) => () => member.hub.startWatch(query, listener)
    expect(start({ targets: [] })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    const watch = member.hub.startWatch({ targets: [file] }, told())
    expect(start({ targets: [file] })).toThrow(expect.objectContaining({ code: 'CONFIG_OVERLOADED' }))
    watch.close()
    member.hub.close()
    expect(start({ targets: [file] })).toThrow(expect.objectContaining({ code: 'CONFIG_CLOSED' }))
    await settle(member)
    expect([listener.batches, listener.errors]).toEqual([[], []])
  })

  test('that throws is logged, told again, and harms no other', async () => {
    const member = releasedMember()
    const { logger } = member.environment
    const broken = told(() => {
      throw new Error('broken')
    })
    const others = [told(), told()]
    for (const [, query] of queries) {
      for (const listener of [broken, ...others]) member.hub.startWatch(query, listener)
    }
    await settle(member)
    release(member, 'two')
    await settle(member)
    member.hub.close()
    for (const listener of [broken, ...others]) {
      expect(contentsOf(listener).toSorted()).toEqual(['one', 'one', 'one', 'two', 'two', 'two'])
      expect(listener.errors).toHaveLength(3)
    }
    expect(logger.lines.map(({ level, message }) => [level, message])).toEqual(
      Array.from({ length: 9 }, () => ['error', 'a listener of a watch threw']),
    )
  })

  test('is told of more files than one batch has, with turns of others between', async () => {
    const member = fedMember()
    const count = 2_500
    for (let nth = 0; nth < count; nth++)
      member.feeder.publish({ ...group, file: `f${nth}` }, { content: '' })
    member.take()
    const listener = told()
    const reader = told()
    member.hub.startWatch({ targets: [group] }, listener)
    member.hub.startWatch({ targets: [group] }, reader)
    await settle(member, 200)
    for (const { batches } of [listener, reader]) {
      expect(batches.map(({ changes }) => changes.length)).toEqual([1_000, 1_000, 500])
    }
  })

  test('is not told what is gone before it could be read', async () => {
    const member = fedMember()
    const { feeder } = member
    const listeners = queries.map(([, query]) => {
      const listener = told()
      member.hub.startWatch(query, listener)
      return listener
    })
    let open = (): void => undefined
    member.gate = new Promise((resolve) => (open = resolve))
    feeder.grayPublish(file, { content: 'gray', encrypted: true, rule: { addresses: ['0.0.0.0/0'] } })
    const client = { address: '10.0.0.1' }
    const seeing = told()
    member.hub.startWatch({ targets: [file], client }, seeing)
    member.take()
    await settle(member)
    feeder.stop(file)
    member.take()
    await settle(member)
    open()
    await settle(member)
    for (const listener of [seeing, ...listeners]) expect(listener.batches).toEqual([])
  })

  test('is told of what came while contents were read', async () => {
    const member = fedMember()
    const listener = told()
    member.hub.startWatch({ targets: [group] }, listener)
    let open = (): void => undefined
    member.gate = new Promise((resolve) => (open = resolve))
    member.feeder.publish(file, { content: 'slow', encrypted: true })
    member.take()
    await settle(member)
    member.feeder.publish(other, { content: 'quick' })
    member.take()
    await settle(member)
    expect(listener.batches).toEqual([])
    open()
    await settle(member)
    expect(contentsOf(listener)).toEqual(['slow', 'quick'])
  })
})

describe('a listener of a hub', () => {
  test('is refused before it is started and after it is closed, as a reader is', async () => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore({ environment })
    const hub = createConfigHub({ store, environment })
    const listener = told()
    const start = (): unknown => hub.startWatch({ targets: [file] }, listener)
    expect(start).toThrow(expect.objectContaining({ code: 'CONFIG_NOT_READY' }))
    await hub.start()
    start()
    expect(hub.stats().watchers).toBe(1)
    await hub.close()
    expect(start).toThrow(expect.objectContaining({ code: 'CONFIG_CLOSED' }))
    expect(listener.errors).toMatchObject([{ code: 'CONFIG_CLOSED' }])
  })

  test('is told when the hub has lost its store', async () => {
    const environment = createManualEnvironment()
    const store = createMemoryStore({ environment })
    await using hub = createConfigHub({ store, environment })
    await hub.start()
    const lost = new Promise<unknown>((resolve) => {
      hub.startWatch({ targets: [file] }, { changed: resolve, failed: resolve })
    })
    await store.close()
    expect(await lost).toMatchObject({ code: 'CONFIG_CLOSED' })
    expect(hub.stats().watchers).toBe(0)
  })
})
