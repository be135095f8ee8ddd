import { CodedError } from '@orrery/environment'

/** Every way in which a server refuses what its host asks for. */
export const grpcServerErrorCodes = [
  /** An option has a value that makes no sense. */
  'GRPC_SERVER_OPTION_INVALID',
  /** An address that is none, or that cannot be listened on; `cause` says why. */
  'GRPC_SERVER_LISTEN_FAILED',
  /** A method of that path exists already. */
  'GRPC_SERVER_METHOD_EXISTS',
  /** A service or its implementation is not one. */
  'GRPC_SERVER_SERVICE_INVALID',
  /** Something that grpc-js has and this server has not. */
  'GRPC_SERVER_UNSUPPORTED',
  /** The server was shut down. */
  'GRPC_SERVER_CLOSED',
] as const

/** One of {@link grpcServerErrorCodes}. */
export type GrpcServerErrorCode = (typeof grpcServerErrorCodes)[number]

/** What a server throws at its host. Clients get a status instead. */
export class GrpcServerError extends CodedError<GrpcServerErrorCode> {}
