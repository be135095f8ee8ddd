/**
 * A disk in memory that loses power, runs full and lies about syncs; and the laws that every disk obeys.
 *
 * @packageDocumentation
 */
export { diskConformance } from './testing/disk-conformance.ts'
export type { DiskConformanceCase, DiskUnderTest } from './testing/disk-conformance.ts'
export { createSimulatedDisk } from './testing/simulated-disk.ts'
export type {
  DiskCounts,
  DiskFault,
  SimulatedDisk,
  SimulatedDiskOptions,
} from './testing/simulated-disk.ts'
export type { Survival } from './testing/survival.ts'
