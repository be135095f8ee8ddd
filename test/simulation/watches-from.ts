import { altered } from '@orrery/simulation'
import type { Store, WatcherRequest } from '@orrery/store'

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
