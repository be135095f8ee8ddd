import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { createMemoryBackend } from '@orrery/mvcc'
import { createMemoryLog } from './memory-log.ts'
import { resolveOptions, type StoreOptions, toStateOptions } from './options.ts'
import type { StoreBackend } from './ports.ts'
import { StateMachine } from './state-machine.ts'
import type { Store } from './store.ts'
import { StoreCore } from './store-core.ts'
import { StoreEngine } from './store-engine.ts'

/**
 * Creates a store that lives in memory and vanishes with it. It behaves like a durable one in every other
 * respect.
 *
 * @param deps `environment`: its clock, randomness and logger. Node's own, without log, by default.
 * @throws StoreError `STORE_OPTIONS_INVALID`
 */
export function createMemoryStore(
  { environment = systemEnvironment() }: { readonly environment?: Environment } = {},
  options: StoreOptions = {},
): Store {
  const resolved = resolveOptions(options)
  const identity = { clusterId: environment.random.id63(), memberId: environment.random.id63() }
  const backend = createStoreBackend()
  const state = new StateMachine(backend, toStateOptions(resolved))
  state.restore(0)
  state.mvcc.restoreStep(1)
  state.restored()
  const log = createMemoryLog()
  const release = (): Promise<void> => Promise.resolve()
  return new StoreCore(new StoreEngine({ environment, identity, state, log, backend, release }, resolved))
}

/** Memory is as durable as this store gets: nothing ever waits. */
export function createStoreBackend(): StoreBackend {
  const memory = createMemoryBackend()
  return {
    put: (main, sub, tombstone, record) => memory.put(main, sub, tombstone, record),
    get: (main, sub) => memory.get(main, sub),
    delete: (main, sub, tombstone) => memory.delete(main, sub, tombstone),
    scan: (main, sub, visit) => memory.scan(main, sub, visit),
    getMeta: (name) => memory.getMeta(name),
    setMeta: (name, value) => memory.setMeta(name, value),
    scanMeta: (prefix, visit) => memory.scanMeta(prefix, visit),
    seal: () => {},
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
    pendingBytes: 0,
    get sizeBytes() {
      return memory.sizeBytes
    },
    get sizeInUseBytes() {
      return memory.sizeBytes
    },
    onFailure: undefined,
    onDurable: undefined,
  }
}
