import type { Store } from '@orrery/store'

/** A store that closes more than itself, such as the cluster that it is a part of. */
export function closedBy(store: Store, close: () => Promise<void>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'close' || name === Symbol.asyncDispose) return close
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    },
  })
}
