import type { Clock } from '@orrery/environment'
import { invariant } from '@orrery/environment'
import { createStoreBackend } from '../memory-store.ts'
import type { StoreBackend } from '../ports.ts'
import { readSnapshot } from '../snapshot-reader.ts'
import { StateMachine, type StateMachineOptions } from '../state-machine.ts'
import type { StateStanding, StateStorage } from './member-host.ts'

/** Items that one turn of the event loop reads back. */
const stepItems = 1_000

/** States in memory: of members that live as long as their process. */
export function createMemoryStates(clock: Clock, options: StateMachineOptions): StateStorage {
  const received = new Map<string, StoreBackend>()
  let next = 1
  return {
    receive: async (content) => {
      const backend = createStoreBackend()
      await fillBackend(backend, content, clock)
      const name = String(next++)
      received.set(name, backend)
      return name
    },
    open: async (name, standing) => {
      const backend = received.get(name)
      invariant(backend !== undefined, 'a state is opened once, after it was received')
      received.delete(name)
      return { state: await restoreState(backend, standing, { clock, options }), backend }
    },
    discard: (name) => void received.delete(name),
    retire: (backend) => void backend.close(),
  }
}

/** Writes what a snapshot holds into an empty backend. */
export async function fillBackend(
  backend: StoreBackend,
  content: AsyncIterable<Uint8Array>,
  clock: Clock,
  makeRoom: () => Promise<void> | undefined = () => undefined,
): Promise<void> {
  let items = 0
  for await (const item of readSnapshot(content)) {
    if (item.type === 'meta') backend.setMeta(item.name, item.value.slice())
    else backend.put(item.main, item.sub, item.tombstone, item.record.slice())
    if (++items % stepItems > 0) continue
    backend.seal(0)
    await makeRoom()
    await nextTurn(clock)
  }
  backend.seal(0)
}

/** A state on what a backend holds, as of a place in the log. */
export async function restoreState(
  backend: StoreBackend,
  { index, term, members }: StateStanding,
  { clock, options }: { readonly clock: Clock; readonly options: StateMachineOptions },
): Promise<StateMachine> {
  const state = new StateMachine(backend, options)
  state.restore(0)
  while (state.mvcc.restoreStep(stepItems)) await nextTurn(clock)
  state.restored()
  state.skip({ index, term }, members)
  return state
}

function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.defer(resolve))
}
