import { CodedError } from '@orrery/environment'

/**
 * Why this package, and not the registry, refuses or fails.
 *
 * - `HTTP_API_CHANGES_GONE`: changes since that revision are no longer known, read everything
 * - `HTTP_API_CONNECTIONS_NOT_FOUND`: the host has no connections
 * - `HTTP_API_PLAIN_FORBIDDEN`: it would tell a content that stands encrypted, which the caller may not read
 * - `HTTP_API_BODY_TOO_LARGE`: the body is longer than the route takes
 * - `HTTP_API_MEDIA_TYPE_UNSUPPORTED`: the body is not said to be JSON, or what else the route takes
 * - `HTTP_API_TOO_MANY_SUBSCRIPTIONS`: as many are open as may be
 * - `HTTP_API_OVERLOADED`: as many requests of this kind are under way as may be
 * - `HTTP_API_LAGGING`: this member has not seen for too long what the caller has seen
 * - `HTTP_API_SNAPSHOT_TOO_LARGE`: a snapshot is longer than one connection may hold
 * - `HTTP_API_STORE_UNAVAILABLE`: the store behind it cannot serve now; a write may take effect all the same
 * - `HTTP_API_REFUSED`: something of the host refused the request, and gave no code
 * - `HTTP_API_INTERNAL`: a bug of ours, which is in the log
 * - `HTTP_API_OPTION_INVALID`: an option is out of its range
 * - `HTTP_API_PEER_INVALID`: that is no address of a member
 * - `HTTP_API_PEER_OVERLOADED`: too many batches to one member are in flight, or to too many members
 * - `HTTP_API_PEER_FAILED`: a member could not be reached, or its answer makes no sense
 * - `HTTP_API_PEERS_CLOSED`: the way to other members is closed
 */
export const httpApiErrorCodes = [
  'HTTP_API_CHANGES_GONE',
  'HTTP_API_CONNECTIONS_NOT_FOUND',
  'HTTP_API_PLAIN_FORBIDDEN',
  'HTTP_API_BODY_TOO_LARGE',
  'HTTP_API_MEDIA_TYPE_UNSUPPORTED',
  'HTTP_API_TOO_MANY_SUBSCRIPTIONS',
  'HTTP_API_OVERLOADED',
  'HTTP_API_LAGGING',
  'HTTP_API_SNAPSHOT_TOO_LARGE',
  'HTTP_API_STORE_UNAVAILABLE',
  'HTTP_API_REFUSED',
  'HTTP_API_INTERNAL',
  'HTTP_API_OPTION_INVALID',
  'HTTP_API_PEER_INVALID',
  'HTTP_API_PEER_OVERLOADED',
  'HTTP_API_PEER_FAILED',
  'HTTP_API_PEERS_CLOSED',
] as const

/** One of {@link httpApiErrorCodes}. */
export type HttpApiErrorCode = (typeof httpApiErrorCodes)[number]

/** A request that this package refused, or a call to another member that failed. */
export class HttpApiError extends CodedError<HttpApiErrorCode> {}
