import { createManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import type { PollListener, PollResult, WatchQuery } from '../../src/watches.ts'
import { createConfigHub } from '../../src/create-config-hub.ts'
import { expectNobody, file, group, other, release, releasedMember } from './released-member.ts'
import { settle } from './watched-hub.ts'

/** A listener that keeps all it is told. */
interface Told extends PollListener {
  readonly results: PollResult[]
  readonly errors: unknown[]
}

/** @param then what it does, too, whatever it is told */
function told(then: () => void = () => {}): Told {
  const results: PollResult[] = []
  const errors: unknown[] = []
  return {
    ...{ results, errors },
    answered: (result) => {
      results.push(result)
      then()
    },
    failed: (error) => {
      errors.push(error)
      then()
    },
  }
}

const known = [{ ...file, version: 1 }]
/** Of one file, of several, and of a group; none of them has something new in version 1. */
const queries: readonly (readonly [string, WatchQuery])[] = [
  ['a file', { targets: [file], known }],
  ['files', { targets: [file, other], known }],
  ['a group', { targets: [group], known }],
]

describe.each(queries)('a poll for %s, with a listener', (_, query) => {
  test('is answered once, with what others are answered', async () => {
    const member = releasedMember()
    const listener = told()
    const poll = member.hub.startPoll(query, listener)
    const answer = member.hub.poll(query)
    await settle(member)
    expect(listener.results).toEqual([])
    release(member, 'two')
    await settle(member)
    expect(listener.results).toEqual([await answer])
    expect(listener.results[0]).toMatchObject({ type: 'changed', changes: [{ info: { version: 2 } }] })
    expect(member.hub.counters.delivered).toBe(2)
    expect(poll).toMatchObject({ scheduled: false })
    poll.cancel()
    release(member, 'three')
    member.environment.clock.advance(60_000)
    member.hub.close()
    await settle(member)
    expect([listener.results.length, listener.errors]).toEqual([1, []])
    expectNobody(member)
  })

  test('is told when its time is up that there is nothing', () => {
    const member = releasedMember()
    const listener = told()
    member.hub.startPoll(query, listener, { timeoutMs: 1_000 })
    member.environment.clock.advance(999)
    expect(listener.results).toEqual([])
    member.environment.clock.advance(20)
    expect(listener.results).toEqual([{ type: 'unchanged', revision: member.view.revision }])
    expectNobody(member)
  })

  test('is told nothing before the call has returned, though there is something', async () => {
    const member = releasedMember()
    const [some, none] = [told(), told()]
    member.hub.startPoll({ ...query, known: [] }, some)
    member.hub.startPoll(query, none, { timeoutMs: 0 })
    expect([some.results, none.results]).toEqual([[], []])
    expectNobody(member)
    await settle(member)
    expect(some.results).toMatchObject([{ type: 'changed', changes: [{ info: { version: 1 } }] }])
    expect(none.results).toEqual([{ type: 'unchanged', revision: member.view.revision }])
    expect(member.hub.counters.delivered).toBe(1)
  })

  test('that is cancelled is told nothing, and leaves nothing behind', async () => {
    const member = releasedMember()
    const listener = told()
    const ahead = { ...query, afterRevision: 1_000 }
    for (const one of [query, { ...query, known: [] }, ahead]) {
      for (const timeoutMs of [0, 1_000]) {
        const poll = member.hub.startPoll(one, listener, { timeoutMs })
        poll.cancel()
        poll.cancel()
        expectNobody(member)
      }
    }
    release(member, 'two')
    member.environment.clock.advance(60_000)
    member.hub.close()
    await settle(member)
    expect([listener.results, listener.errors]).toEqual([[], []])
    expectNobody(member)
  })

  test('is told nothing that is older than what its client has seen', async () => {
    const member = releasedMember()
    const listeners = [told(), told()]
    const afterRevision = member.view.revision + 2
    for (const [nth, listener] of listeners.entries()) {
      const some = nth === 0 ? query : { ...query, known: [] }
      member.hub.startPoll({ ...some, afterRevision }, listener)
    }
    release(member, 'two')
    await settle(member)
    expect(listeners.map(({ results }) => results)).toEqual([[], []])
    release(member, 'three')
    await settle(member)
    for (const { results } of listeners) {
      expect(results).toMatchObject([{ revision: afterRevision, changes: [{ info: { version: 3 } }] }])
    }
    expectNobody(member)
  })

  test('fails once when the hub closes', async () => {
    const member = releasedMember()
    const listener = told()
    const poll = member.hub.startPoll(query, listener)
    member.hub.close()
    member.hub.close()
    expect(listener.errors).toMatchObject([{ code: 'CONFIG_CLOSED' }])
    poll.cancel()
    await settle(member)
    expect([listener.results, listener.errors.length]).toEqual([[], 1])
    expectNobody(member)
  })
})

describe('a poll with a listener', () => {
  test('that is refused throws, and its listener is not told', async () => {
    const member = releasedMember({ watchersMax: 1 })
    const listener = told()
    const start = (query: WatchQuery, timeoutMs?: number) => () =>
      member.hub.startPoll(query, listener, { timeoutMs })
    expect(start({ targets: [] })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(start({ targets: [file] }, 600_001)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
    expect(member.hub.counters.polls).toBe(0)
    const first = told()
    const poll = member.hub.startPoll({ targets: [file], known }, first)
    expect(start({ targets: [file] })).toThrow(expect.objectContaining({ code: 'CONFIG_OVERLOADED' }))
    poll.cancel()
    member.hub.close()
    expect(start({ targets: [file] })).toThrow(expect.objectContaining({ code: 'CONFIG_CLOSED' }))
    await settle(member)
    expect([listener.results, listener.errors, first.errors]).toEqual([[], [], []])
  })

  test('that throws is logged, and harms no other', async () => {
    const member = releasedMember()
    const { logger } = member.environment
    const broken = (): Told =>
      told(() => {
        throw new Error('broken')
      })
    const query = { targets: [file], known }
    const others = [told(), told()]
    const listeners = [broken(), ...others, broken()]
    for (const listener of listeners) member.hub.startPoll(query, listener)
    release(member, 'two')
    await settle(member)
    expect(listeners.map(({ results }) => results.length)).toEqual([1, 1, 1, 1])
    expect(logger.lines).toHaveLength(2)

    const [early, expired, closed, last] = [broken(), broken(), broken(), told()]
    const now = { targets: [file], known: [{ ...file, version: 2 }] }
    member.hub.startPoll(query, early)
    member.hub.startPoll(now, expired, { timeoutMs: 1_000 })
    member.hub.startPoll(now, closed, { timeoutMs: 10_000 })
    member.hub.startPoll(now, last, { timeoutMs: 10_000 })
    member.environment.clock.advance(2_000)
    member.hub.close()
    await settle(member)
    expect([early.results.length, expired.results.length]).toEqual([1, 1])
    expect([closed.errors.length, last.errors.length]).toEqual([1, 1])
    expect(logger.lines.map(({ level, message }) => [level, message])).toEqual(
      Array.from({ length: 5 }, () => ['error', 'a listener of a poll threw']),
    )
  })

  test('may be started, and cancelled, while others are told', async () => {
    const member = releasedMember()
    const count = 1_000
    const query = { targets: [file], known }
    const next = { targets: [file], known: [{ ...file, version: 2 }] }
    const again: Told[] = []
    const started = Array.from({ length: count }, (_, nth) => {
      const listener = told(() => {
        // The one before it has its turn later, if at all.
        if (nth % 10 === 1) started[nth - 1]?.poll.cancel()
        again.push(told())
        member.hub.startPoll(next, again.at(-1) ?? listener)
      })
      return { listener, poll: member.hub.startPoll(query, listener) }
    })
    release(member, 'two')
    await settle(member, 40)
    const answers = started.map(({ listener }) => listener.results.length)
    expect(answers).toEqual(Array.from({ length: count }, (_, nth) => (nth % 10 === 0 ? 0 : 1)))
    expect(member.hub.counters.polls).toBe(again.length)
    release(member, 'three')
    await settle(member, 40)
    expect(again.every(({ results }) => results.length === 1)).toBe(true)
    expectNobody(member)
  })
})

describe('a listener of a hub', () => {
  test('is refused before it is started and after it is closed, as a watch is', async () => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore({ environment })
    const hub = createConfigHub({ store, environment })
    const listener = told()
    const start = (): unknown => hub.startPoll({ targets: [file] }, listener)
    expect(start).toThrow(expect.objectContaining({ code: 'CONFIG_NOT_READY' }))
    await hub.start()
    start()
    expect(hub.stats().polls).toBe(1)
    await hub.close()
    expect(start).toThrow(expect.objectContaining({ code: 'CONFIG_CLOSED' }))
    expect(listener.errors).toMatchObject([{ code: 'CONFIG_CLOSED' }])
  })

  test('may come back to a hub that is being closed', async () => {
    const environment = createManualEnvironment()
    await using store = createMemoryStore({ environment })
    const hub = createConfigHub({ store, environment })
    await hub.start()
    const refusals: unknown[] = []
    let again: Promise<void> | undefined
    hub.startPoll(
      { targets: [file] },
      told(() => {
        again = hub.close()
        try {
          hub.startPoll({ targets: [file] }, told())
        } catch (error) {
          refusals.push(error)
        }
      }),
    )
    const closed = hub.close()
    expect(again).toBe(closed)
    expect(refusals).toMatchObject([{ code: 'CONFIG_CLOSED' }])
    await closed
  })

  test('is told when the hub has lost its store', async () => {
    const environment = createManualEnvironment()
    const store = createMemoryStore({ environment })
    await using hub = createConfigHub({ store, environment })
    await hub.start()
    const lost = new Promise<unknown>((resolve) => {
      hub.startPoll({ targets: [file] }, { answered: resolve, failed: resolve })
    })
    await store.close()
    expect(await lost).toMatchObject({ code: 'CONFIG_CLOSED' })
    expect(hub.stats().polls).toBe(0)
  })
})
