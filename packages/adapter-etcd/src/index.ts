/**
 * etcd v3 on top of a store: the services of an etcd server as plain functions, and their binding to gRPC.
 *
 * @packageDocumentation
 */
export type { EtcdErrorCode, GrpcStatus } from './errors.ts'
export { EtcdError, etcdErrors, grpcStatus } from './errors.ts'
export type {
  AuthService,
  BidiStream,
  CallContext,
  CallMetadata,
  ClusterService,
  ElectionService,
  EtcdServices,
  KvService,
  LeaseService,
  LockService,
  MaintenanceService,
  ServerStream,
  Unary,
  WatchService,
} from './services/services.ts'
