/**
 * The laws that every {@link Store} obeys, wherever it keeps its data: for whoever implements one.
 *
 * ```ts
 * test.each(storeConformance)('$name', async ({ run }) => {
 *   await run({ open: (options) => Promise.resolve(createMemoryStore({}, options)) })
 * })
 * ```
 *
 * @packageDocumentation
 */
import { alarmLaws } from './testing/alarm-laws.ts'
import type { StoreConformanceCase } from './testing/conformance-case.ts'
import { historyLaws } from './testing/history-laws.ts'
import { leaseLaws } from './testing/lease-laws.ts'
import { lifecycleLaws } from './testing/lifecycle-laws.ts'
import { rangeLaws } from './testing/range-laws.ts'
import { snapshotLaws } from './testing/snapshot-laws.ts'
import { txnLaws } from './testing/txn-laws.ts'
import { watchLaws } from './testing/watch-laws.ts'
import { watchStreamLaws } from './testing/watch-stream-laws.ts'
import { writeLaws } from './testing/write-laws.ts'

export { openMemberOn } from './cluster/open-member.ts'
export type { MemberGround } from './cluster/open-member.ts'
export type { BackendDirectory, DurableBackend } from './cluster/stored-states.ts'
export { createStoreBackend } from './memory-store.ts'
export type { StoreBackend } from './ports.ts'
export type { StoreConformanceCase, StoreFeature, StoreUnderTest } from './testing/conformance-case.ts'

/** The laws of a store: run all of them against an implementation, or those whose `needs` it meets. */
export const storeConformance: readonly StoreConformanceCase[] = [
  ...rangeLaws,
  ...writeLaws,
  ...txnLaws,
  ...historyLaws,
  ...watchLaws,
  ...watchStreamLaws,
  ...leaseLaws,
  ...alarmLaws,
  ...snapshotLaws,
  ...lifecycleLaws,
]
