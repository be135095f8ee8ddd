import type { Clock } from '@orrery/environment'
import type { StateStanding } from '@orrery/raft-node'
import type { StoreBackend } from '../ports.ts'
import { readSnapshot } from '../snapshot-reader.ts'
import { StateMachine, type StateMachineOptions, writeStanding } from '../state-machine.ts'

/** Items that one turn of the event loop reads back. */
const stepItems = 1_000
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
  for await (const item of readSnapshot(content)) {
    if (item.type === 'meta') backend.setMeta(item.name, item.value.slice())
    else backend.put(item.main, item.sub, item.tombstone, item.record.slice())
    if (++items % stepItems > 0) continue
    backend.seal(0)
    if (backend.pendingBytes > pendingMaxBytes) await backend.flush()
    await nextTurn(clock)
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
  while (state.mvcc.restoreStep(stepItems)) await nextTurn(clock)
  state.restored()
  return state
}

function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.defer(resolve))
}
