import type { StoreCluster } from '../store/store-cluster.ts'
import type { ConfigHistory } from './config-history.ts'
import type { ConfigHost } from './config-host.ts'
import type { ConfigLedger } from './config-ledger.ts'

/** What all who use the hubs of a cluster share. */
export interface ConfigWorld {
  readonly cluster: StoreCluster
  readonly host: ConfigHost
  readonly history: ConfigHistory
  readonly ledger: ConfigLedger
}
