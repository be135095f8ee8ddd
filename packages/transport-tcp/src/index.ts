/**
 * Moves the messages of Raft members over TCP or mutual TLS: the `Transport` of `@orrery/raft-node`.
 *
 * Each member dials its peers and sends on the connections that it dialled:
 *
 * ```text
 * send -> queue (bytes) -> one frame a turn -> socket ==> frames -> handler.onMessages
 * request ---> one connection for each peer, many at a time     -> handler.onRequest
 * sendSnapshot -> a connection of its own, a window of bytes    -> handler.onSnapshot
 * ```
 *
 * @packageDocumentation
 */
export type { HostAndPort } from './address.ts'
export type { TcpTransportStats } from './counters.ts'
export { tcpTransportDefaults } from './options.ts'
export type { TcpTransportOptions } from './options.ts'
export { refusalKinds } from './refusal.ts'
export type { RefusalKind } from './refusal.ts'
export type { TlsCredentials } from './sockets.ts'
export { createTcpTransport } from './tcp-transport.ts'
export type { TcpTransport, TcpTransportParts } from './tcp-transport.ts'
