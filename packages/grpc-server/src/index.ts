/**
 * A gRPC server over `node:net` and `node:tls`, with an HTTP/2 of its own, that takes the service definitions and
 * handlers of grpc-js unchanged:
 *
 * ```text
 * socket -> frames -> header blocks -> stream -> messages -> interceptors -> handler
 *        <- one write a turn <- frames <- windows <- messages and status <-
 * ```
 *
 * @packageDocumentation
 */
export { createGrpcServer } from './server.ts'
export type { CloseOptions, ConnectionInjector, GrpcServer } from './server.ts'
export { grpcServerDefaults } from './options.ts'
export type { GrpcJsServerOptions, GrpcServerLimits, GrpcServerOptions } from './options.ts'
export { defenceKinds } from './counters.ts'
export type { DefenceKind, GrpcServerStats } from './counters.ts'
export { GrpcServerError, grpcServerErrorCodes } from './errors.ts'
export type { GrpcServerErrorCode } from './errors.ts'
export { CallAbortedError } from './grpc/call-aborted.ts'
export type { CallAbortedCode } from './grpc/call-aborted.ts'
export { createHealthService } from './health/health-service.ts'
export type { HealthService, HealthServiceOptions, ServingStatus } from './health/health-service.ts'
export { healthDefinition, servingStatuses } from './health/health-messages.ts'
export type {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthDefinition,
  HealthListRequest,
  HealthListResponse,
} from './health/health-messages.ts'
export { fileDescriptorsOf } from './reflection/file-descriptors-of.ts'
export { reflectionDefinition } from './reflection/reflection-messages.ts'
export type {
  ReflectionAnswer,
  ReflectionDefinition,
  ReflectionQuery,
  ReflectionRequest,
  ReflectionResponse,
} from './reflection/reflection-messages.ts'
export { createReflectionService } from './reflection/reflection-service.ts'
export type {
  ReflectionService,
  ReflectionServiceOptions,
  ReflectionServiceVersion,
} from './reflection/reflection-service.ts'
export { TlsCredentials } from './listening/tls-credentials.ts'
export type { TlsCredentialsOptions } from './listening/tls-credentials.ts'
export { sharePort, sharePortDefaults } from './listening/port-sharing.ts'
export type { SharedPort, SharePortOptions } from './listening/port-sharing.ts'
