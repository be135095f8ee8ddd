/**
 * The HTTP APIs of a registry and of a configuration hub, for people and scripts: Fastify plugins, with their OpenAPI
 * documents. Plus the way for heartbeats from one member to another over the registry's API.
 *
 * @packageDocumentation
 */
export { configApiDefaults } from './config/options.ts'
export type { ConfigApiOptions } from './config/options.ts'
export { configApiPlugin } from './config/plugin.ts'
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
