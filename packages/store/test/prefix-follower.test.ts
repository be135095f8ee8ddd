import { getEventListeners } from 'node:events'
import { createManualEnvironment } from '@orrery/environment/testing'
import type { WatchStream } from '@orrery/store'
import { createMemoryStore, PrefixFollower, type PrefixFollowerTarget, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'

/** What a follower was told, in order: `load a=1`, `loaded`, `fold 5 a=2 -b`, `replace a=3`. */
class Recorder implements PrefixFollowerTarget {
  readonly told: string[] = []
  error: unknown
  #folded: () => void = () => undefined

  /** Resolves when something is folded from now on. */
  nextFold(): Promise<void> {
    return new Promise((resolve) => (this.#folded = resolve))
  }

  load(kvs: Parameters<PrefixFollowerTarget['load']>[0]): void {
    if (kvs.length > 0) this.told.push(`load ${kvs.map(pair).join(' ')}`)
  }
  loaded(revision: number): void {
    this.told.push(`loaded ${revision}`)
  }
  fold(events: Parameters<PrefixFollowerTarget['fold']>[0], revision: number): void {
    const texts = events.map(({ type, kv }) => (type === 'put' ? pair(kv) : `-${kv.keyString}`))
    this.told.push(`fold ${revision} ${texts.join(' ')}`)
    this.#folded()
  }
  progressed(): void {}
  replace(kvs: Parameters<PrefixFollowerTarget['replace']>[0]): void {
    this.told.push(`replace ${kvs.map(pair).join(' ')}`)
  }
  failed(error: unknown): void {
    this.error = error
  }
}

function pair({ keyString, value }: { readonly keyString: string; readonly value: Uint8Array }): string {
  return `${keyString}=${Buffer.from(value).toString()}`
}

function follow(store: Store, areas?: readonly string[]) {
  const environment = createManualEnvironment()
  const recorder = new Recorder()
  const follower = new PrefixFollower(
    { store, environment, prefix: 'p/', areas, owner: 'the test', closed: () => new Error('closed') },
    recorder,
  )
  return { follower, recorder, clock: environment.clock }
}

/** Counts how often a store is asked how far it is. */
function countingProgress(store: Store) {
  let requests = 0
  const counting: Store = new Proxy(store, {
    get: (target, name) => {
      if (name === 'openWatchStream') {
        return () => {
          const stream = target.openWatchStream()
          const ask = stream.requestProgress.bind(stream)
          stream.requestProgress = () => {
            requests++
            ask()
          }
          return stream
        }
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { store: counting, requests: () => requests }
}

describe('a prefix follower', () => {
  test('reads the prefix, then folds each revision once, and nothing of other prefixes', async () => {
    await using store = createMemoryStore()
    await store.put({ key: 'p/a', value: '1' })
    await store.put({ key: 'q/a', value: 'other' })
    const { follower, recorder } = follow(store)
    await follower.start()
    const { revision } = await store.txn({
      compare: [],
      success: [
        { type: 'put', key: 'p/b', value: '2' },
        { type: 'deleteRange', key: 'p/a' },
      ],
    })
    await store.put({ key: 'q/b', value: 'other' })
    await follower.reached(revision)
    expect(recorder.told).toEqual(['load p/a=1', 'loaded 3', 'fold 4 p/b=2 -p/a'])
    await follower.close()
  })

  test('reads only its areas, all at one revision, and sees events of the others', async () => {
    await using store = createMemoryStore()
    await store.put({ key: 'p/x/1', value: 'a' })
    await store.put({ key: 'p/y/1', value: 'b' })
    await store.put({ key: 'p/z/1', value: 'c' })
    // While the first area is read, somebody writes into the second.
    const between: Store = new Proxy(store, {
      get: (target, name) => {
        if (name === 'range') {
          return async (...args: Parameters<Store['range']>) => {
            const result = await target.range(...args)
            if (args[0].key === 'p/x/') await target.put({ key: 'p/y/2', value: 'late' })
            return result
          }
        }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    const { follower, recorder } = follow(between, ['x/', 'y/'])
    await follower.start()
    await store.put({ key: 'p/z/2', value: 'd' })
    await follower.reached(store.status().revision)
    expect(recorder.told).toEqual([
      'load p/x/1=a',
      'load p/y/1=b',
      'loaded 4',
      'fold 5 p/y/2=late',
      'fold 6 p/z/2=d',
    ])
    await follower.close()
  })

  test('reads its areas anew when its watch has fallen behind a compaction', async () => {
    await using store = createMemoryStore()
    await store.put({ key: 'p/x/1', value: 'a' })
    let open: (() => void) | undefined
    let streams = 0
    // The first watch begins only when what it would begin with is gone.
    const late: Store = new Proxy(store, {
      get: (target, name) => {
        if (name === 'openWatchStream') {
          return () => {
            const stream = target.openWatchStream()
            if (streams++ > 0) return stream
            return {
              create: (request: Parameters<WatchStream['create']>[0]) => {
                open = () => void stream.create(request)
                return 0
              },
              requestProgress: () => stream.requestProgress(),
              close: () => stream.close(),
              [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator](),
            } as unknown as WatchStream
          }
        }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? (value.bind(target) as unknown) : value
      },
    })
    const { follower, recorder } = follow(late, ['x/'])
    await follower.start()
    await store.put({ key: 'p/x/1', value: 'b' })
    await store.put({ key: 'p/y/1', value: 'not read' })
    const { revision } = await store.put({ key: 'p/x/2', value: 'c' })
    await store.compact({ revision })
    open?.()
    await follower.reached(revision)
    expect(recorder.told).toEqual(['load p/x/1=a', 'loaded 2', 'replace p/x/1=b p/x/2=c'])
    await follower.close()
  })

  test('lets those go who wait when it is closed', async () => {
    await using store = createMemoryStore()
    const { follower } = follow(store)
    await follower.start()
    const waiting = follower.reached(1_000)
    const closing = follower.close()
    await expect(waiting).rejects.toThrow('closed')
    await closing
    await expect(follower.reached(1_000)).rejects.toThrow('closed')
  })

  test('says when the store has ended', async () => {
    const store = createMemoryStore()
    const { follower, recorder } = follow(store)
    await follower.start()
    const waiting = follower.reached(1_000)
    await store.close()
    await expect(waiting).rejects.toMatchObject({ code: 'STORE_CLOSED' })
    expect(recorder.error).toMatchObject({ code: 'STORE_CLOSED' })
    await follower.close()
  })

  test('rejects whoever waits after the store has ended, as those that waited before', async () => {
    const store = createMemoryStore()
    const { follower } = follow(store)
    await follower.start()
    const { revision } = await store.put({ key: 'p/a', value: '1' })
    await follower.reached(revision)
    const waiting = follower.reached(1_000)
    await store.close()
    await expect(waiting).rejects.toMatchObject({ code: 'STORE_CLOSED' })
    await expect(follower.reached(1_000)).rejects.toMatchObject({ code: 'STORE_CLOSED' })
    await follower.reached(revision)
    await follower.close()
    await expect(follower.reached(1_000)).rejects.toThrow('closed')
  })

  test('asks the store no more when all have given up who waited', async () => {
    await using store = createMemoryStore()
    const counting = countingProgress(store)
    const { follower, recorder, clock } = follow(counting.store)
    await follower.start()
    await follower.reached((await store.put({ key: 'p/a', value: 'first' })).revision)
    const givingUp = new AbortController()
    const waiting = [1_000, 1_000, 2_000].map((revision) =>
      follower.reached(revision, { signal: givingUp.signal }),
    )
    givingUp.abort(new Error('given up'))
    for (const each of waiting) await expect(each).rejects.toThrow('given up')
    await expect(follower.reached(1_000, { signal: givingUp.signal })).rejects.toThrow('given up')
    const asked = counting.requests()
    for (let n = 0; n < 20; n++) {
      const folded = recorder.nextFold()
      await store.put({ key: 'p/a', value: `${n}` })
      await folded
      clock.advance(5)
    }
    expect(counting.requests()).toBe(asked)
    expect(clock.pending).toBe(0)
    await follower.close()
  })

  test('keeps on for those who still wait when others give up', async () => {
    await using store = createMemoryStore()
    const { follower } = follow(store)
    await follower.start()
    const givingUp = new AbortController()
    const staying = new AbortController()
    const gone = follower.reached(2, { signal: givingUp.signal })
    const patient = [
      follower.reached(2, { signal: staying.signal }),
      follower.reached(2),
      follower.reached(2),
    ]
    givingUp.abort(new Error('given up'))
    await expect(gone).rejects.toThrow('given up')
    await store.put({ key: 'p/a', value: '1' })
    await Promise.all(patient)
    expect(getEventListeners(staying.signal, 'abort')).toEqual([])
    await follower.close()
  })

  test('asks again where the store had nothing to say when it was asked first', async () => {
    await using store = createMemoryStore()
    const { follower, clock } = follow(store)
    await follower.start()
    // The watch begins with this revision: before there is one, it answers nothing.
    const reached = follower.reached(2)
    await store.put({ key: 'q/a', value: 'other' })
    clock.advance(5)
    await reached
    await follower.close()
    expect(clock.pending).toBe(0)
  })
})
