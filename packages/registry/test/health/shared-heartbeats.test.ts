import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { createMemoryStore } from '@orrery/store'
import { describe, expect, test } from 'vitest'
import { createRegistry } from '../../src/create-registry.ts'
import { HeartbeatStoreError } from '../../src/heartbeat-store-errors.ts'
import { createMemoryHeartbeatStore, type MemoryHeartbeatStore } from '../../src/memory-heartbeat-store.ts'
import type { HeartbeatStore } from '../../src/ports.ts'
import { during, passTime, spec } from '../support.ts'

const shop = { namespace: 'default', service: 'shop' }
const ids = Array.from({ length: 40 }, (_, n) => `i${n}`)
const ttlMs = 6_000
const beating = { ttlMs, heartbeatIntervalMs: 2_000, evictAfterMs: 2_000 }

/** A server that keeps heartbeats, and what it suffers from. */
class HeartbeatServer {
  readonly #environment: ManualEnvironment
  #memory: MemoryHeartbeatStore
  #waiting: (() => void)[] | undefined
  /** It takes nothing more, but can be read. */
  isFull = false

  constructor(environment: ManualEnvironment) {
    this.#environment = environment
    this.#memory = createMemoryHeartbeatStore({ clock: environment.clock })
  }

  /** It stands still: what it is asked waits. */
  hang(): void {
    this.#waiting = []
  }

  /** It goes on, with what it was asked first. */
  resume(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const run of waiting) run()
  }

  /** It is started again, so quickly that nobody notices, and knows nothing. */
  restart(): void {
    this.#memory = createMemoryHeartbeatStore({ clock: this.#environment.clock })
  }

  /** The store of one member, whose calls fail after so long. */
  connect(timeoutMs: number): HeartbeatStore {
    let available = true
    const call = <Result>(run: () => Promise<Result>): Promise<Result> =>
      new Promise((resolve, reject) => {
        let isOver = false
        const fail = (): void => {
          if (isOver) return
          isOver = true
          available = false
          reject(new HeartbeatStoreError('HEARTBEATS_UNAVAILABLE', 'the server does not do it'))
        }
        const timer = this.#environment.clock.setTimer(timeoutMs, fail)
        const serve = (): void => {
          run().then((result) => {
            timer.cancel()
            if (isOver) return
            isOver = true
            available = true
            resolve(result)
          }, fail)
        }
        if (this.#waiting === undefined) serve()
        else this.#waiting.push(serve)
      })
    return {
      record: (subjects) =>
        call(() => (this.isFull ? Promise.reject(new Error('full')) : this.#memory.record(subjects))),
      latest: (subjects) => call(() => this.#memory.latest(subjects)),
      remove: (subjects) => call(() => this.#memory.remove(subjects)),
      get available() {
        return available
      },
      close: () => Promise.resolve(),
    }
  }
}

/** Two members, of which the clients know the second only: the first judges half of them, and hears of nobody. */
async function startPair(timeoutMs = 1_000) {
  const environment = createManualEnvironment()
  const store = createMemoryStore({ environment })
  const server = new HeartbeatServer(environment)
  const told: string[] = []
  const [a, b] = ['a', 'b'].map((name) => {
    const heartbeats = { type: 'shared', store: server.connect(timeoutMs) } as const
    return createRegistry({ store, environment, member: { name, heartbeats } })
  })
  if (a === undefined || b === undefined) throw new Error('there are two')
  for (const registry of [a, b]) await during(environment, registry.start())
  await passTime(environment, 1_000)
  await Promise.all(ids.map((id) => b.register(spec({ id, ...beating }))))
  b.events.on('changed', ({ instances }) => {
    for (const { type, instance } of instances) told.push(`${type} ${instance.id} ${instance.healthReason}`)
  })
  let turn = 0
  /** Lets time pass, in which these beat, each every two seconds but not all at once. Gives what was answered. */
  const beat = async (ms: number, only: readonly string[] = ids): Promise<ReadonlySet<string>> => {
    const answers = new Set<string>()
    for (let passed = 0; passed < ms; passed += 50) {
      turn++
      only.forEach((id, n) => {
        if ((n + turn) % 40 === 0) answers.add(b.heartbeat({ ...shop, id }))
      })
      await passTime(environment, 50)
    }
    return answers
  }
  await beat(2 * ttlMs)
  expect(a.stats().judged).toBeGreaterThan(5)
  return {
    ...{ environment, server, a, b, beat, told },
    [Symbol.asyncDispose]: async () => {
      const closing = Promise.all([a.close(), b.close()]).then(() => store.close())
      let isOver = false
      void closing.finally(() => (isOver = true))
      while (!(isOver as boolean)) await passTime(environment, 100)
    },
  }
}

describe('a member that judges by heartbeats which all come to another one', () => {
  test('expires nobody while they can be read but not written', async () => {
    await using pair = await startPair()
    pair.server.isFull = true
    expect(await pair.beat(3 * ttlMs)).toContain('unavailable')
    expect(pair.told).toEqual([])
    pair.server.isFull = false
    await pair.beat(3 * ttlMs)
    expect(pair.told).toEqual([])
  })

  test.each([1_000, 10_000])('expires nobody when they hang, calls end after %i ms', async (timeoutMs) => {
    await using pair = await startPair(timeoutMs)
    for (const ms of [500, 900, 1_950, 3_000, 5_000, 9_950]) {
      pair.server.hang()
      await pair.beat(ms)
      pair.server.resume()
      await pair.beat(2 * ttlMs)
      expect([ms, pair.told]).toEqual([ms, []])
    }
  })

  test('expires nobody when they are lost again and again', async () => {
    await using pair = await startPair()
    // More often than any of them beats: hardly anybody is known at any time.
    for (let passed = 0; passed < 5 * ttlMs; passed += 150) {
      pair.server.restart()
      expect(await pair.beat(150)).toEqual(new Set(['ok']))
    }
    await pair.beat(2 * ttlMs)
    expect(pair.told).toEqual([])
  })

  test('finds who is dead, when nothing is wrong and after each of these', async () => {
    await using pair = await startPair()
    const { server, beat } = pair
    const faults = [
      () => Promise.resolve(),
      () => {
        server.restart()
        return Promise.resolve()
      },
      async () => {
        server.isFull = true
        await beat(2 * ttlMs)
        server.isFull = false
      },
      async () => {
        server.hang()
        await beat(2 * ttlMs)
        server.resume()
      },
    ]
    const alive = [...ids]
    for (const fault of faults) {
      await fault()
      await beat(3_000, alive)
      alive.splice(0, 2)
      await beat(2 * ttlMs + 3_000, alive)
      for (const registry of [pair.a, pair.b]) expect(registry.stats().healthy).toBe(alive.length)
      await beat(3_000, alive)
      expect(pair.b.stats()).toMatchObject({ instances: alive.length })
    }
  })
})
