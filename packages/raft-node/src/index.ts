/**
 * Runs one member of a Raft group.
 *
 * @packageDocumentation
 */
export type {
  IncomingSnapshot,
  OutgoingSnapshot,
  Peer,
  PeerIdentity,
  Transport,
  TransportHandler,
} from './ports.ts'
export { TransportError, transportErrorCodes } from './transport-error.ts'
export type { TransportErrorCode } from './transport-error.ts'
