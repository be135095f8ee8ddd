/**
 * etcd v3 on top of a store: the services of an etcd server as plain functions, and their binding to gRPC.
 *
 * @packageDocumentation
 */

// For hosts.
export type { EtcdErrorCode, GrpcStatus } from './errors.ts'
export { EtcdError, etcdErrors, grpcStatus } from './errors.ts'
export { addEtcdServices } from './grpc/add-etcd-services.ts'
export type { HealthDeps } from './grpc/health.ts'
export { addHealthService } from './grpc/health.ts'
export { etcdServerOptions } from './grpc/server-options.ts'
export { etcdFileDescriptors } from './grpc/reflection.ts'
export { etcdServices } from './services/etcd-services.ts'
export type { EtcdServicesDeps, EtcdServicesOptions, MemberDescription } from './services/options.ts'
export { etcdServicesDefaults, requestOverheadBytes } from './services/options.ts'

// Over HTTP, and around every transport.
export type { DrainableServices } from './draining/drainable-services.ts'
export { createDrainableServices } from './draining/drainable-services.ts'
export type { EtcdGatewayOptions } from './http/gateway-plugin.ts'
export { etcdGatewayDefaults, etcdGatewayPlugin } from './http/gateway-plugin.ts'
export type { EtcdHealthOptions } from './http/health-plugin.ts'
export { etcdHealthDefaults, etcdHealthPlugin } from './http/health-plugin.ts'
export type { EtcdMetricsOptions } from './http/metrics-plugin.ts'
export { etcdMetricsPlugin } from './http/metrics-plugin.ts'
export type { EtcdMetrics } from './metrics/etcd-metrics.ts'
export { createEtcdMetrics } from './metrics/etcd-metrics.ts'

// For other transports.
export type { GrpcService } from './grpc/add-etcd-services.ts'
export { grpcServices } from './grpc/add-etcd-services.ts'
export {
  authDefinition,
  clusterDefinition,
  electionDefinition,
  kvDefinition,
  leaseDefinition,
  lockDefinition,
  maintenanceDefinition,
  watchDefinition,
} from './grpc/definitions.ts'
export { healthDefinition, healthService } from './grpc/health.ts'
export type { etcdserverpb, grpc, mvccpb, v3electionpb, v3lockpb } from './generated/messages.js'
export type {
  DeleteRangeResponse,
  Event,
  LeaderResponse,
  PutResponse,
  RangeResponse,
  RangeStreamResponse,
  ResponseHeader,
  ResponseOp,
  TxnResponse,
  WatchResponse,
} from './messages.ts'
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
