import { STATUS_CODES } from 'node:http'
import { EtcdError, grpcStatus } from '../errors.ts'
import type { GrpcStatus } from '../errors.ts'
import { JsonTooLargeError } from './json/json-framer.ts'
import { JsonMessageError } from './json/message-from-json.ts'
import { JsonSyntaxError } from './json/parse-json.ts'

/** Why a call over HTTP failed. */
export interface Failure {
  readonly httpStatus: number
  readonly grpcStatus: GrpcStatus
  readonly message: string
}

/** What gRPC's codes are in HTTP; grpc-gateway v2, `HTTPStatusFromCode`. */
const httpStatusOf: Record<GrpcStatus, number> = {
  [grpcStatus.canceled]: 499,
  [grpcStatus.unknown]: 500,
  [grpcStatus.invalidArgument]: 400,
  [grpcStatus.deadlineExceeded]: 504,
  [grpcStatus.notFound]: 404,
  [grpcStatus.permissionDenied]: 403,
  [grpcStatus.resourceExhausted]: 429,
  [grpcStatus.failedPrecondition]: 400,
  [grpcStatus.outOfRange]: 400,
  [grpcStatus.unimplemented]: 501,
  [grpcStatus.internal]: 500,
  [grpcStatus.unavailable]: 503,
  [grpcStatus.dataLoss]: 500,
  [grpcStatus.unauthenticated]: 401,
}

/** A failure with the HTTP status that belongs to its code. */
export function failure(status: GrpcStatus, message: string, httpStatus = httpStatusOf[status]): Failure {
  return { httpStatus, grpcStatus: status, message }
}

/** The path does not exist. */
export const notFound = failure(grpcStatus.notFound, 'Not Found')
/** The path exists for POST. */
export const methodNotAllowed = failure(grpcStatus.unimplemented, 'Method Not Allowed', 405)
/** The method is etcd's, but not ours. */
export const notSupported = failure(grpcStatus.unimplemented, 'not supported by this server')
/** A bug of ours, which is in the log and not the client's business. */
export const internal = failure(grpcStatus.internal, 'internal error')

/** The failure that a client is told; undefined when the error is a bug of ours. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof EtcdError) return failure(error.status, error.details)
  if (error instanceof JsonSyntaxError || error instanceof JsonMessageError) {
    return failure(grpcStatus.invalidArgument, error.message)
  }
  if (error instanceof JsonTooLargeError) {
    return failure(grpcStatus.resourceExhausted, `grpc: ${error.message}`)
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code.startsWith('WS_ERR_')) return failure(grpcStatus.invalidArgument, 'invalid WebSocket message')
  return connectionEnds.has(code) ? failure(grpcStatus.canceled, 'context canceled') : undefined
}

/** Codes of Node for a client that left while its request was read. */
const connectionEnds: ReadonlySet<string> = new Set(['ECONNRESET', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'])

/**
 * The body of a failed call, in the words of etcd 3.4 (`error`) and 3.6 (`details`) at once: clients read
 * either.
 */
export function unaryErrorBody({ grpcStatus: code, message }: Failure): string {
  return JSON.stringify({ error: message, message, code, details: [] })
}

/** The last line of a failed stream, in the words of etcd 3.4 (`grpc_code`, ...) and 3.6 (`code`) at once. */
export function streamErrorBody({ httpStatus, grpcStatus: code, message }: Failure): string {
  const httpText = STATUS_CODES[httpStatus] ?? ''
  return JSON.stringify({
    error: {
      grpc_code: code,
      http_code: httpStatus,
      message,
      http_status: httpText,
      code,
      details: [],
    },
  })
}
