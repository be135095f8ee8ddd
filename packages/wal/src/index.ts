/**
 * A write-ahead log: entries go in one by one and are durable in groups, each group with one write and one
 * sync. It knows nothing of what the entries mean.
 *
 * ```text
 * append -> queue -> record -> disk (one record at a time) -> onDurable
 *                      |
 *                      framed while the disk is busy with the one before
 * ```
 *
 * The log promises that what it called durable is there after a crash, in order and unchanged, or that
 * opening it fails with the place of the damage. It never drops entries silently.
 *
 * @packageDocumentation
 */
export { openWal } from './open-wal.ts'
export type { WalDependencies } from './open-wal.ts'
export type { TornTailReport, Wal, WalRecovery } from './wal.ts'
export { walDefaults } from './options.ts'
export type { WalOptions } from './options.ts'
export type { Entry } from './format.ts'
export { WalError, walErrorCodes } from './errors.ts'
export type { WalErrorCode, WalErrorDetails } from './errors.ts'
export { createWorkerDisk } from './worker-disk.ts'
export type { DirectoryEntry, Disk, DiskOperation, DiskResult } from './ports.ts'
