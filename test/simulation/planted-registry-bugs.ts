import type { HeartbeatPeers, Registry } from '@orrery/registry'
import type { RegistrySabotage } from '@orrery/simulation'
import type { Store } from '@orrery/store'

/** A bug that the simulation of registries has to find. */
export interface PlantedRegistryBug {
  readonly name: string
  /** So many seeds at most, from 1 on. */
  readonly seedsMax: number
  readonly sabotage: () => Partial<RegistrySabotage>
}

/** A copy of something with some of its members replaced. */
function replaced<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get: (_, key) => {
      if (key in members) return Reflect.get(members, key) as unknown
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

function peers(change: (inner: HeartbeatPeers) => Partial<HeartbeatPeers>): Partial<RegistrySabotage> {
  return { peers: (inner) => replaced(inner, change(inner)) }
}

function registry(change: (inner: Registry) => Partial<Registry>): Partial<RegistrySabotage> {
  return { registry: (inner) => replaced(inner, change(inner)) }
}

function store(change: (inner: Store) => Partial<Store>): Partial<RegistrySabotage> {
  return { store: (inner) => replaced(inner, change(inner)) }
}

/** Bugs, each of which was found. */
export const plantedRegistryBugs: readonly PlantedRegistryBug[] = [
  {
    name: 'forwarded heartbeats are acknowledged and dropped',
    seedsMax: 5,
    sabotage: () =>
      peers((inner) => ({ send: (to, batch, options) => inner.send(to, { ...batch, beats: [] }, options) })),
  },
  {
    name: 'a member acknowledges what it does not take',
    seedsMax: 5,
    sabotage: () => registry(() => ({ heartbeat: () => 'ok' })),
  },
  {
    name: 'a member forgets every other heartbeat that it forwards, in silence',
    seedsMax: 20,
    sabotage: () => {
      let count = 0
      return peers((inner) => ({
        send: async (to, batch, options) => {
          if (count++ % 8 < 7) return { ringRevision: batch.ringRevision, refused: [] }
          return await inner.send(to, batch, options)
        },
      }))
    },
  },
  {
    name: 'events of changes are swallowed now and then',
    seedsMax: 5,
    sabotage: () =>
      registry((inner) => ({
        events: replaced(inner.events, {
          on: ((name: 'changed', listener: (batch: never) => void) => {
            let count = 0
            return inner.events.on(name, (batch) => {
              if (count++ % 5 !== 4) listener(batch as never)
            })
          }) as Registry['events']['on'],
        }),
      })),
  },
  {
    name: 'a subscriber is not told of the last change',
    seedsMax: 5,
    sabotage: () =>
      registry((inner) => ({
        subscribe: (query, options) =>
          replaced(inner.subscribe(query, options), {
            [Symbol.asyncIterator]: () => {
              const reader = inner.subscribe(query, options)[Symbol.asyncIterator]()
              let count = 0
              return {
                next: async () => {
                  const step = await reader.next()
                  return count++ % 3 === 2 ? await reader.next() : step
                },
              }
            },
          }),
      })),
  },
  {
    name: 'instances are deregistered behind the back of their owners as evicted',
    seedsMax: 5,
    sabotage: () =>
      store((inner) => ({
        txn: async (request, options) => {
          const result = await inner.txn(request, options)
          const key = 'registry/instances/default/shop/i0'
          if (
            (await inner.get(key, { serializable: true })) !== undefined &&
            inner.status().revision % 7 === 3
          ) {
            await inner.txn({
              success: [
                { type: 'put', key: 'registry/removals/default/shop', value: '{"evicted":["i0"]}' },
                { type: 'deleteRange', key },
              ],
            })
          }
          return result
        },
      })),
  },
]
