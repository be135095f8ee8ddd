import { type Clock, invariant } from '@orrery/environment'
import { createStoreBackend } from '../memory-store.ts'
import type { StoreBackend } from '../ports.ts'
import type { StateMachineOptions } from '../state-machine.ts'
import type { StateStorage } from './member-host.ts'
import { fillWithState, restoreState } from '../states.ts'

/** States in memory: of members that live as long as their process. */
export function createMemoryStates(clock: Clock, options: StateMachineOptions): StateStorage {
  const received = new Map<string, { readonly backend: StoreBackend; readonly index: number }>()
  let next = 1
  return {
    receive: async (content, standing) => {
      const backend = createStoreBackend()
      await fillWithState(backend, { content, standing, clock })
      const name = String(next++)
      received.set(name, { backend, index: standing.index })
      return name
    },
    open: async (name) => {
      const found = received.get(name)
      invariant(found !== undefined, 'a state is opened once, after it was received')
      received.delete(name)
      const { backend, index } = found
      return { state: await restoreState(backend, { index, clock, options }), backend }
    },
    discard: (name) => void received.delete(name),
    retire: (backend) => void backend.close(),
  }
}
