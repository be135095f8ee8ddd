import type { Store, WatchStream } from '@orrery/store'

/** A store that tells nothing of what changes, for a while. */
export interface CutStore {
  readonly store: Store
  /** Ends all its watches, and opens no others. */
  cut(): void
  /** Opens watches again. */
  heal(): void
}

/** Makes the watches of a store such that they can be cut. Everything else goes on. */
export function cuttable(store: Store): CutStore {
  const streams = new Set<WatchStream>()
  let isCut = false
  const openWatchStream = (): WatchStream => {
    if (isCut) throw new Error('it is cut')
    const stream = store.openWatchStream()
    streams.add(stream)
    return stream
  }
  return {
    store: new Proxy(store, {
      get: (target, name) => {
        if (name === 'openWatchStream') return openWatchStream
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? (value as () => unknown).bind(target) : value
      },
    }),
    cut: () => {
      isCut = true
      for (const stream of streams) stream.close()
      streams.clear()
    },
    heal: () => {
      isCut = false
    },
  }
}
