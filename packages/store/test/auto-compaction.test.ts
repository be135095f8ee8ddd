import { createMemoryStore, inMemoryCluster, startAutoCompaction, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { closedLater, nextTurns, stillEnvironment } from './support.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

describe('compaction of what is old', () => {
  /** A store that gets a put a minute. Returns what is compacted after each of the hours. */
  async function compactedPerHour(
    mode: Parameters<typeof startAutoCompaction>[1],
    hours: number,
  ): Promise<number[]> {
    const environment = stillEnvironment()
    const store = closedLater(createMemoryStore({ environment }))
    const compaction = startAutoCompaction({ store, environment }, mode)
    const compacted: number[] = []
    for (let hour = 0; hour < hours; hour++) {
      for (let minute = 0; minute < 60; minute++) {
        await store.put({ key: 'k' })
        environment.clock.advance(minuteMs)
        await nextTurns(1)
      }
      compacted.push(store.status().compactRevision)
    }
    compaction.stop()
    expect(environment.clock.pending).toBe(0)
    return compacted
  }

  test('keeps at least as long as it is told, first when that time has passed, then every hour', async () => {
    const perHour = await compactedPerHour({ type: 'periodic', retentionMs: 3 * hourMs }, 6)
    // A put a minute: the revision of an hour ago is 60 less. The first look is six minutes after the start.
    expect(perHour.slice(0, 3)).toEqual([-1, -1, -1])
    for (const [n, revision] of perHour.slice(3).entries()) {
      const now = 1 + (n + 4) * 60
      expect(now - revision).toBeGreaterThanOrEqual(180)
      expect(now - revision).toBeLessThanOrEqual(180 + 66)
    }
  })

  test('keeps as many revisions as it is told, at least every five minutes', async () => {
    expect(await compactedPerHour({ type: 'revision', retainedRevisions: 100 }, 3)).toEqual([-1, 21, 81])
  })

  test('is left to the member that leads', async () => {
    const environment = stillEnvironment()
    const opening = inMemoryCluster({ environment })
    const until = async <T>(work: Promise<T>): Promise<T> => {
      const state = { isOver: false }
      void work.finally(() => (state.isOver = true))
      while (!state.isOver) {
        environment.clock.advance(10)
        await nextTurns()
      }
      return await work
    }
    const cluster = await until(opening)
    const leader = await until(cluster.leader())
    const compacting: Store[] = []
    const compactions = cluster.members.map(({ store }) => {
      const watched: Store = Object.create(store, {
        status: { value: () => store.status() },
        compact: {
          value: (...call: Parameters<Store['compact']>) => {
            compacting.push(store)
            return store.compact(...call)
          },
        },
      }) as Store
      return startAutoCompaction({ store: watched, environment }, { type: 'revision', retainedRevisions: 5 })
    })
    for (let n = 0; n < 20; n++) await until(leader.put({ key: 'k' }))
    // In steps that members take for the flow of time, and not for a pause.
    for (let n = 0; n < 3_100; n++) {
      environment.clock.advance(100)
      await nextTurns(2)
    }
    expect(new Set(compacting)).toEqual(new Set([leader]))
    expect(leader.status().compactRevision).toBe(16)
    for (const compaction of compactions) compaction.stop()
    await until(cluster.close())
  })

  test('refuses to keep nothing', () => {
    const environment = stillEnvironment()
    const store = closedLater(createMemoryStore({ environment }))
    for (const retentionMs of [0, -1, Number.NaN, 0.5]) {
      expect(() => startAutoCompaction({ store, environment }, { type: 'periodic', retentionMs })).toThrow(
        'STORE_OPTIONS_INVALID',
      )
    }
  })
})
