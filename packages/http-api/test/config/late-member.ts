import { type ConfigHub, createConfigHub } from '@orrery/config-hub'
import type { Store, WatchStream } from '@orrery/store'
import { during, settle } from '../support.ts'
import { type ConfigApi, type ConfigApiSetup, startConfigApi } from './support.ts'

/** A member whose view a test lets fall behind, and another one over the same store. */
export interface LateMember extends AsyncDisposable {
  readonly api: ConfigApi
  /** The other one, which does not lag. */
  readonly ahead: ConfigHub
  /** From now on, the member sees nothing of what is written. */
  hold(): void
  /** From now on, it sees everything, as it comes. */
  release(): void
  /** It sees everything that the other one has written. */
  catchUp(): Promise<void>
}

/** Starts both. */
export async function startLateMember(setup: Omit<ConfigApiSetup, 'seenBy'> = {}): Promise<LateMember> {
  const late = new LateStores()
  const api = await startConfigApi({ ...setup, seenBy: (store) => late.of(store) })
  const { environment, hub, store } = api
  const ahead = createConfigHub({ store, environment, keys: setup.keys }, setup.hubOptions)
  await during(environment, ahead.start())
  return {
    ...{ api, ahead },
    hold: () => late.hold(),
    release: () => late.release(),
    catchUp: async () => {
      late.release()
      await during(environment, hub.reached(ahead.stats().revision))
      await settle()
    },
    [Symbol.asyncDispose]: async () => {
      late.release()
      await during(environment, ahead.close())
      await api[Symbol.asyncDispose]()
    },
  }
}

/** Stores whose watchers are told later. */
class LateStores {
  #gate = Promise.resolve()
  #open = (): void => {}

  of(store: Store): Store {
    const openWatchStream = (): WatchStream => {
      const stream = store.openWatchStream()
      return changed(stream, Symbol.asyncIterator, () => this.#late(stream))
    }
    return changed(store, 'openWatchStream', openWatchStream)
  }

  hold(): void {
    this.#gate = new Promise((resolve) => (this.#open = resolve))
  }

  release(): void {
    this.#open()
  }

  async *#late(stream: WatchStream): ReturnType<WatchStream[typeof Symbol.asyncIterator]> {
    for await (const responses of stream) {
      await this.#gate
      yield responses
    }
    return undefined
  }
}

/** The same object, but for one of its members. */
function changed<T extends object>(object: T, name: keyof T, member: unknown): T {
  return new Proxy(object, {
    get: (target, asked) => {
      if (asked === name) return member
      const value: unknown = Reflect.get(target, asked, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
