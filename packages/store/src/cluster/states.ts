import type { Clock } from '@orrery/environment'
import type { StateStanding } from '@orrery/raft-node'
import type { StoreBackend } from '../ports.ts'
import { readSnapshot } from '../snapshot-reader.ts'
import { StateMachine, type StateMachineOptions, writeStanding } from '../state-machine.ts'

/** Items between two looks at the clock. */
const stepItems = 64
/** How long one turn of the event loop works on a state, the host's other work aside. Unit: ms. */
const turnMaxMs = 4
/** What a backend may hold back while it is filled. Unit: bytes. */
const pendingMaxBytes = 67_108_864

/**
 * Writes a state that another member sent into an empty backend, and last where in the log it stands.
 *
 * @throws StoreError `STORE_SNAPSHOT_INVALID`
 */
export async function fillBackend(
  backend: StoreBackend,
  {
    content,
    standing,
    clock,
  }: {
    readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
    readonly standing: StateStanding
    readonly clock: Clock
  },
): Promise<void> {
  let items = 0
  let turnEndMs = clock.nowMs() + turnMaxMs
  for await (const item of readSnapshot(content)) {
    // The views are kept: nobody else writes to what they show.
    if (item.type === 'meta') backend.setMeta(item.name, item.value)
    else backend.put(item.main, item.sub, item.tombstone, item.record)
    if (++items % stepItems > 0) continue
    backend.seal(0)
    if (backend.pendingBytes > pendingMaxBytes) await backend.flush()
    if (clock.nowMs() < turnEndMs) continue
    await nextTurn(clock)
    turnEndMs = clock.nowMs() + turnMaxMs
  }
  writeStanding(backend, standing)
  backend.seal(standing.index)
  await backend.flush()
}

/** The state that a backend holds, up to the entry with `index`. */
export async function restoreState(
  backend: StoreBackend,
  {
    index,
    clock,
    options,
  }: { readonly index: number; readonly clock: Clock; readonly options: StateMachineOptions },
): Promise<StateMachine> {
  const state = new StateMachine(backend, options)
  state.restore(index)
  let turnEndMs = clock.nowMs() + turnMaxMs
  while (state.mvcc.restoreStep(stepItems)) {
    if (clock.nowMs() < turnEndMs) continue
    await nextTurn(clock)
    turnEndMs = clock.nowMs() + turnMaxMs
  }
  state.restored()
  return state
}

function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.defer(resolve))
}
