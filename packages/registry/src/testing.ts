/**
 * The laws that every `HeartbeatStore` obeys, wherever it keeps heartbeats: for whoever implements one. And members that
 * forward heartbeats to each other within one process.
 *
 * ```ts
 * test.each(heartbeatStoreConformance)('$name', async ({ run }) => {
 *   const first = createMemoryHeartbeatStore()
 *   await run({ open: () => Promise.resolve(first.share()) })
 * })
 * ```
 *
 * @packageDocumentation
 */
import type { HeartbeatStoreConformanceCase } from './testing/heartbeat-store-case.ts'
import { heartbeatStoreLaws } from './testing/heartbeat-store-laws.ts'

export { createMemoryPeers } from './testing/memory-peers.ts'
export type {
  MemoryPeersMessage,
  MemoryPeersNetwork,
  MemoryPeersOptions,
} from './testing/memory-peers.ts'
export type {
  HeartbeatStoreConformanceCase,
  HeartbeatStoreFeature,
  HeartbeatStoreGround,
} from './testing/heartbeat-store-case.ts'

/** The laws of a heartbeat store: run all of them against an implementation, or those whose `needs` it meets. */
export const heartbeatStoreConformance: readonly HeartbeatStoreConformanceCase[] = heartbeatStoreLaws
