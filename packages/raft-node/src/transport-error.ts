import { CodedError } from '@orrery/environment'

/** Every way in which a transport fails. */
export const transportErrorCodes = [
  /** The peer is unknown or not connected, or the connection broke before the answer. */
  'TRANSPORT_UNREACHABLE',
  /** The other side refused: the message has its reason. */
  'TRANSPORT_REFUSED',
  /** The transport is closed. */
  'TRANSPORT_CLOSED',
  /** The address cannot be listened on. */
  'TRANSPORT_LISTEN_FAILED',
  /** An option is out of its range. */
  'TRANSPORT_INVALID_OPTION',
] as const

/** What went wrong, for programs. */
export type TransportErrorCode = (typeof transportErrorCodes)[number]

/** An expected failure of a transport. */
export class TransportError extends CodedError<TransportErrorCode> {}
