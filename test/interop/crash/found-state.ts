import { systemClock, systemEnvironment } from '@orrery/environment/system'
import { openStore, type Store } from '@orrery/store'
import { observe, type State, stateOf } from './state.ts'

/** Opens the store of a directory, lets `use` work with it, and closes it. Returns what was found. */
export async function findState(directory: string, use?: (store: Store) => Promise<void>): Promise<State> {
  const clock = observe(systemClock)
  const environment = systemEnvironment({ clock })
  await using store = await openStore({ directory, environment }, { quotaBytes: 0 })
  // A compaction that was interrupted comes to its end first.
  await clock.quiet()
  const state = await stateOf(store)
  await use?.(store)
  return state
}
