/** Something, but for some of what it does: a store, a stream or a hub with a bug. */
export function altered<T extends object>(original: T, changes: Partial<T>): T {
  return new Proxy(original, {
    get: (target, name) => {
      if (name in changes) return Reflect.get(changes, name) as unknown
      const value: unknown = Reflect.get(target, name, target)
      // What is private is not the proxy's.
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
