import type { Random } from '@orrery/environment'
import { type DiskFaults, drawDiskFaults, reliableDisk } from '../disk/node-disk.ts'
import { drawLinkFaults, type LinkFaults, reliableLink } from '../network/link-faults.ts'
import { drawNetworkDisturbances, type NetworkDisturbances } from '../network/network-nemesis.ts'
import { between, chance } from '../time/draw.ts'

/** Kinds of faults, each of which a run has or has not. */
export const storeFaultClasses = [
  /** Delay, loss and narrow ways. */
  'link',
  /** Partitions and clogs. */
  'partition',
  /** Processes end; what they wrote stays in the page cache. */
  'kill',
  /** Machines lose what they had not synced, in part. */
  'powerLoss',
  'pause',
  /** Clocks of different speed. */
  'drift',
  /** Syncs that take long, or fail. */
  'slowDisk',
  'fullDisk',
  /** Single bits of the log change. */
  'rot',
  /** Members are added, promoted, removed and replaced. */
  'membership',
  /** Old revisions are forgotten. */
  'compaction',
  /** Short logs, so that those who lag need the whole state. */
  'shortLog',
] as const

/** See {@link storeFaultClasses}. */
export type StoreFaultClass = (typeof storeFaultClasses)[number]

/** What one run has to endure, and to do. All of it is drawn from the seed. Pauses of 0 mean: never. Unit: ms. */
export interface StoreFaults {
  readonly classes: readonly StoreFaultClass[]
  readonly link: LinkFaults
  readonly network: NetworkDisturbances | undefined
  readonly disk: DiskFaults
  readonly killPauseMeanMs: number
  readonly powerLossPauseMeanMs: number
  readonly downMeanMs: number
  /** Kills that take all processes at once. */
  readonly blackoutRatio: number
  readonly pausePauseMeanMs: number
  readonly pausedMeanMs: number
  readonly driftMax: number
  readonly fullDiskPauseMeanMs: number
  readonly rotPauseMeanMs: number
  readonly membershipPauseMeanMs: number
  /** Operations that compact. */
  readonly compactRatio: number
  readonly catchUpEntries: number
  readonly requestTimeoutMs: number
  readonly clients: number
  readonly thinkMeanMs: number
  readonly leaseHolders: number
}

/**
 * Draws a run: each class of faults with a probability of one half.
 *
 * @param without classes that are left out, whatever the seed says
 */
export function drawStoreFaults(random: Random, without: readonly StoreFaultClass[] = []): StoreFaults {
  const classes = storeFaultClasses.filter(
    (name) => chance(random.fork(`class ${name}`), 0.5) && !without.includes(name),
  )
  const stream = (label: string): Random => random.fork(label)
  /** A value for runs that have the class, else 0. */
  const when = (name: StoreFaultClass, label: string, min: number, max: number): number =>
    classes.includes(name) ? between(stream(label), min, max) : 0
  return {
    classes,
    link: classes.includes('link') ? drawLinkFaults(stream('link')) : reliableLink,
    network: classes.includes('partition') ? drawNetworkDisturbances(stream('network')) : undefined,
    disk: classes.includes('slowDisk') ? drawDiskFaults(stream('disk')) : reliableDisk,
    killPauseMeanMs: when('kill', 'kill', 2_000, 15_000),
    powerLossPauseMeanMs: when('powerLoss', 'powerLoss', 2_000, 15_000),
    downMeanMs: between(stream('down'), 100, 4_000),
    blackoutRatio: chance(stream('blackout'), 0.5) ? 0.1 : 0,
    pausePauseMeanMs: when('pause', 'pause', 2_000, 15_000),
    pausedMeanMs: between(stream('paused'), 100, 4_000),
    driftMax: when('drift', 'drift', 0.000_1, 0.001),
    fullDiskPauseMeanMs: when('fullDisk', 'fullDisk', 5_000, 30_000),
    rotPauseMeanMs: when('rot', 'rot', 3_000, 20_000),
    membershipPauseMeanMs: when('membership', 'membership', 500, 4_000),
    compactRatio: when('compaction', 'compaction', 0.001, 0.02),
    catchUpEntries: classes.includes('shortLog') ? 20 + stream('catchUp').below(100) : 5_000,
    requestTimeoutMs: between(stream('requestTimeout'), 1_500, 7_000),
    clients: 3 + stream('clients').below(4),
    thinkMeanMs: between(stream('think'), 10, 60),
    leaseHolders: 1 + stream('leaseHolders').below(3),
  }
}
