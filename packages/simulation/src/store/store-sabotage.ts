import type { Transport } from '@orrery/raft-node'
import type { Store } from '@orrery/store'
import type { BackendDirectory } from '@orrery/store/testing'
import type { Disk } from '@orrery/wal'

/**
 * A bug to plant, around of the production code: who trusts a simulation should have seen it fail. By default nothing
 * is changed.
 */
export interface StoreSabotage {
  /** What the log of a process is written to. */
  disk(disk: Disk): Disk
  /** What a process keeps its states in. */
  backends(directory: BackendDirectory): BackendDirectory
  /** How a process reaches others. */
  transport(transport: Transport): Transport
  /** What clients call. */
  store(store: Store): Store
}

/** No bug. */
export const noStoreSabotage: StoreSabotage = {
  disk: (disk) => disk,
  backends: (directory) => directory,
  transport: (transport) => transport,
  store: (store) => store,
}
