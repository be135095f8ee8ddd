import { authService } from './auth.ts'
import { clusterService } from './cluster.ts'
import { electionService } from './election.ts'
import { kvService } from './kv.ts'
import { leaseService } from './lease.ts'
import { lockService } from './lock.ts'
import { maintenanceService } from './maintenance.ts'
import { resolveOptions, type EtcdServicesDeps, type EtcdServicesOptions } from './options.ts'
import { Server } from './server.ts'
import type { EtcdServices } from './services.ts'
import { watchService } from './watch.ts'

/**
 * Creates the services of an etcd server on a store. They own nothing: calls end with their signals, and with
 * the store.
 *
 * @throws RangeError for options that are out of range
 */
export function etcdServices(
  { store, environment, member = {} }: EtcdServicesDeps,
  options: EtcdServicesOptions = {},
): EtcdServices {
  const server = new Server(store, environment, resolveOptions(options))
  return {
    kv: kvService(server),
    watch: watchService(server),
    lease: leaseService(server),
    cluster: clusterService(server, member),
    maintenance: maintenanceService(server),
    auth: authService(server),
    lock: lockService(server),
    election: electionService(server),
  }
}
