/**
 * The laws that every `HeartbeatStore` obeys, wherever it keeps heartbeats: for whoever implements one.
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

export type {
  HeartbeatStoreConformanceCase,
  HeartbeatStoreFeature,
  HeartbeatStoreGround,
} from './testing/heartbeat-store-case.ts'

/** The laws of a heartbeat store: run all of them against an implementation, or those whose `needs` it meets. */
export const heartbeatStoreConformance: readonly HeartbeatStoreConformanceCase[] = heartbeatStoreLaws
