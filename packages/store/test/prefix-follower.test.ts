import { createManualEnvironment } from '@orrery/environment/testing'
import type { WatchStream } from '@orrery/store'
import { createMemoryStore, PrefixFollower, type PrefixFollowerTarget, type Store } from '@orrery/store'
import { describe, expect, test } from 'vitest'

/** What a follower was told, in order: `load a=1`, `loaded`, `fold 5 a=2 -b`, `replace a=3`. */
class Recorder implements PrefixFollowerTarget {
  readonly told: string[] = []
  error: unknown

  load(kvs: Parameters<PrefixFollowerTarget['load']>[0]): void {
    if (kvs.length > 0) this.told.push(`load ${kvs.map(pair).join(' ')}`)
  }
  loaded(revision: number): void {
    this.told.push(`loaded ${revision}`)
  }
  fold(events: Parameters<PrefixFollowerTarget['fold']>[0], revision: number): void {
    const texts = events.map(({ type, kv }) => (type === 'put' ? pair(kv) : `-${kv.keyString}`))
    this.told.push(`fold ${revision} ${texts.join(' ')}`)
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
  return { follower, recorder }
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
})
