import type { Clock } from '@orrery/environment'
import type { StateStanding } from '@orrery/raft-node'
import type { StoreBackend } from './ports.ts'
import { readSnapshot } from './snapshot-reader.ts'
import { StateMachine, type StateMachineOptions, writeStanding } from './state-machine.ts'

/** Items between two looks at the clock. */
const stepItems = 64
/** How long one turn of the event loop works on a state, the host's other work aside. Unit: ms. */
const turnMaxMs = 4
/** What a backend may hold back while it is filled. Unit: bytes. */
const pendingMaxBytes = 16_777_216

/** A snapshot, as it comes in. */
export type SnapshotContent = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/**
 * Writes the content of a snapshot into an empty backend. It counts for nothing until the caller seals it.
 *
 * @throws StoreError `STORE_SNAPSHOT_INVALID`
 */
export async function fillBackend(
  backend: StoreBackend,
  content: SnapshotContent,
  clock: Clock,
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
}

/**
 * {@link fillBackend} with the state of a cluster, and last where in the log it stands. Durable when it resolves.
 *
 * @throws StoreError `STORE_SNAPSHOT_INVALID`
 */
export async function fillWithState(
  backend: StoreBackend,
  {
    content,
    standing,
    clock,
  }: { readonly content: SnapshotContent; readonly standing: StateStanding; readonly clock: Clock },
): Promise<void> {
  await fillBackend(backend, content, clock)
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
