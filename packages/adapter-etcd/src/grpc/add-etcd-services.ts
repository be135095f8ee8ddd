import type { Server, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import type { EtcdServices } from '../services/services.ts'
import {
  authDefinition,
  clusterDefinition,
  electionDefinition,
  kvDefinition,
  leaseDefinition,
  lockDefinition,
  maintenanceDefinition,
  watchDefinition,
} from './definitions.ts'
import { bidiStreamHandler, serverStreamHandler, unaryHandler } from './handlers.ts'

/** A service as a grpc-js server takes it. */
export interface GrpcService {
  readonly definition: ServiceDefinition
  readonly implementation: UntypedServiceImplementation
}

/** The services as a grpc-js server takes them, for a host that picks some, or has a server of its own. */
export function grpcServices(services: EtcdServices): readonly GrpcService[] {
  const { kv, watch, lease, cluster, maintenance, auth, lock, election } = services
  return [
    {
      definition: kvDefinition,
      implementation: {
        Range: unaryHandler(kv.range),
        Put: unaryHandler(kv.put),
        DeleteRange: unaryHandler(kv.deleteRange),
        Txn: unaryHandler(kv.txn),
        Compact: unaryHandler(kv.compact),
        RangeStream: serverStreamHandler(kv.rangeStream),
      },
    },
    { definition: watchDefinition, implementation: { Watch: bidiStreamHandler(watch.watch) } },
    {
      definition: leaseDefinition,
      implementation: {
        LeaseGrant: unaryHandler(lease.leaseGrant),
        LeaseRevoke: unaryHandler(lease.leaseRevoke),
        LeaseKeepAlive: bidiStreamHandler(lease.leaseKeepAlive),
        LeaseTimeToLive: unaryHandler(lease.leaseTimeToLive),
        LeaseLeases: unaryHandler(lease.leaseLeases),
      },
    },
    {
      definition: clusterDefinition,
      implementation: {
        MemberAdd: unaryHandler(cluster.memberAdd),
        MemberRemove: unaryHandler(cluster.memberRemove),
        MemberUpdate: unaryHandler(cluster.memberUpdate),
        MemberList: unaryHandler(cluster.memberList),
        MemberPromote: unaryHandler(cluster.memberPromote),
      },
    },
    {
      definition: maintenanceDefinition,
      implementation: {
        Alarm: unaryHandler(maintenance.alarm),
        Status: unaryHandler(maintenance.status),
        Defragment: unaryHandler(maintenance.defragment),
        Hash: unaryHandler(maintenance.hash),
        HashKV: unaryHandler(maintenance.hashKv),
        Snapshot: serverStreamHandler(maintenance.snapshot),
        MoveLeader: unaryHandler(maintenance.moveLeader),
        Downgrade: unaryHandler(maintenance.downgrade),
      },
    },
    {
      // The server answers the others: not implemented.
      definition: authDefinition,
      implementation: {
        AuthStatus: unaryHandler(auth.authStatus),
        AuthDisable: unaryHandler(auth.authDisable),
        Authenticate: unaryHandler(auth.authenticate),
      },
    },
    {
      definition: lockDefinition,
      implementation: { Lock: unaryHandler(lock.lock), Unlock: unaryHandler(lock.unlock) },
    },
    {
      definition: electionDefinition,
      implementation: {
        Campaign: unaryHandler(election.campaign),
        Proclaim: unaryHandler(election.proclaim),
        Leader: unaryHandler(election.leader),
        Observe: serverStreamHandler(election.observe),
        Resign: unaryHandler(election.resign),
      },
    },
  ]
}

/** Adds every service to a server that the host owns, binds and shuts down: grpc-js' own, or one that is like it. */
export function addEtcdServices(server: Pick<Server, 'addService'>, services: EtcdServices): void {
  for (const { definition, implementation } of grpcServices(services)) {
    server.addService(definition, implementation)
  }
}
