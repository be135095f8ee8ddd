/**
 * The laws that every {@link Transport} obeys, however it moves messages: for whoever implements one. And the
 * network in memory that obeys them; and members on trial, for tests of what one transport alone promises.
 *
 * ```ts
 * test.each(transportConformance)('$name', async ({ run }) => {
 *   const network = createMemoryNetwork({ clock: systemClock })
 *   let count = 0
 *   await run({ create: (address = `m${++count}`) => network.transport(address), pass: setTimeout })
 * })
 * ```
 *
 * @packageDocumentation
 */
import { identityLaws } from './testing/identity-laws.ts'
import { lifecycleLaws } from './testing/lifecycle-laws.ts'
import { messageLaws } from './testing/message-laws.ts'
import { requestLaws } from './testing/request-laws.ts'
import { snapshotLaws } from './testing/snapshot-laws.ts'
import type { TransportConformanceCase } from './testing/transport-case.ts'

export { createMemoryNetwork, memoryNetworkDefaults } from './memory-transport.ts'
export type { MemoryNetwork, MemoryNetworkOptions } from './memory-transport.ts'
export { Trial } from './testing/transport-case.ts'
export type { TransportConformanceCase, TransportUnderTest, TrialIdentity } from './testing/transport-case.ts'
export { TrialMember } from './testing/trial-member.ts'

/** The laws of a transport: run all of them against an implementation. */
export const transportConformance: readonly TransportConformanceCase[] = [
  ...messageLaws,
  ...identityLaws,
  ...requestLaws,
  ...snapshotLaws,
  ...lifecycleLaws,
]
