/**
 * The HTTP API of a registry, for people and scripts: a Fastify plugin, with its OpenAPI document. Plus the way for
 * heartbeats from one member to another over the same API.
 *
 * @packageDocumentation
 */
export { HttpApiError, httpApiErrorCodes } from './errors.ts'
export type { HttpApiErrorCode } from './errors.ts'
export { createHttpHeartbeatPeers, httpHeartbeatPeersDefaults } from './heartbeat-peers.ts'
export type { HttpHeartbeatPeersDeps, HttpHeartbeatPeersOptions } from './heartbeat-peers.ts'
export { registryApiDefaults } from './options.ts'
export type {
  ConnectionLimitsView,
  ConnectionStatsView,
  ConnectionView,
  RegistryApiOptions,
} from './options.ts'
export { registryApiPlugin } from './plugin.ts'
