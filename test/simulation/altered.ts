import type { Store, WatcherRequest } from '@orrery/store'

/** An object, but for some of what it does. */
export function altered<T extends object>(object: T, changes: Partial<T>): T {
  return new Proxy(object, {
    get: (target, key) => {
      if (key in changes) return Reflect.get(changes, key) as unknown
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

/** Watch streams whose watchers are created with something else. */
export function watchesFrom(
  store: Store,
  changed: (request: WatcherRequest, opened: number) => WatcherRequest,
): Partial<Store> {
  let opened = 0
  return {
    openWatchStream: () => {
      const stream = store.openWatchStream()
      return altered(stream, { create: (request) => stream.create(changed(request, opened++)) })
    },
  }
}
