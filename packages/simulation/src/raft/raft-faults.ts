import type { Random } from '@orrery/environment'
import type { RaftOptions } from '@orrery/raft'
import { type LinkFaults, drawLinkFaults, reliableLink } from '../network/link-faults.ts'
import { type NetworkDisturbances, drawNetworkDisturbances } from '../network/network-nemesis.ts'
import { between, chance, pick } from '../time/draw.ts'

/** Kinds of faults, each of which a run has or has not. */
export const raftFaultClasses = [
  /** Loss, delay, duplication and reordering. */
  'link',
  /** Partitions and clogs. */
  'partition',
  'crash',
  /** Short election timeouts, and crashes right after something became durable, with quick restarts. */
  'storm',
  'pause',
  /** Clocks of different speed. */
  'drift',
  /** A write takes up to seconds. */
  'slowDisk',
  /** A loss of power takes the durable end of a log, which is noticed. */
  'tornLog',
  /** Entries are applied late. */
  'slowApply',
  /** Several inputs before one Ready. */
  'lazyTurns',
  'membership',
  'transfer',
  /** Campaigns, forgotten leaders and false reports out of nowhere. */
  'oddities',
  /** Small limits everywhere. */
  'smallLimits',
  /** Logs are compacted early, so that those who lag need a snapshot. */
  'compaction',
] as const

/** See {@link raftFaultClasses}. */
export type RaftFaultClass = (typeof raftFaultClasses)[number]

/** What one run has to endure. All of it is drawn from the seed. Pauses of 0 mean: never. Unit: ms. */
export interface RaftFaults {
  readonly classes: readonly RaftFaultClass[]
  readonly link: LinkFaults
  readonly network: NetworkDisturbances | undefined
  readonly crashPauseMeanMs: number
  readonly downMeanMs: number
  /** Writes after which the member crashes, within some ms. */
  readonly crashAfterWriteRatio: number
  /** Crashes that take all processes at once. */
  readonly blackoutRatio: number
  readonly pausePauseMeanMs: number
  readonly pausedMeanMs: number
  readonly driftMax: number
  readonly writeMinMs: number
  readonly writeMeanMs: number
  readonly stallRatio: number
  readonly stallMeanMs: number
  readonly tornLogRatio: number
  readonly applyMeanMs: number
  readonly turnMeanMs: number
  readonly membershipPauseMeanMs: number
  readonly transferPauseMeanMs: number
  readonly oddityPauseMeanMs: number
  readonly compactEveryEntries: number
  /** Entries that stay in the log behind what is applied. */
  readonly compactKeepEntries: number
  readonly snapshotMeanMs: number
  readonly tickMs: number
  /** A host that counts every missed tick after a pause. */
  readonly catchesUpTicks: boolean
  readonly usesWireFormat: boolean
  readonly raft: RaftOptions
  readonly load: RaftLoad
}

/** What clients do. */
export interface RaftLoad {
  readonly clients: number
  readonly keys: number
  readonly thinkMeanMs: number
  readonly readRatio: number
  readonly casRatio: number
  /** A client gives up after so long, without knowing what became of its request. Unit: ms. */
  readonly patienceMs: number
}

const exclusive = ['tornLog', 'membership'] as const satisfies RaftFaultClass[]

/**
 * Draws a run: each class of faults with a probability of one half.
 *
 * @param without classes that are left out, whatever the seed says
 */
export function drawRaftFaults(random: Random, without: readonly RaftFaultClass[] = []): RaftFaults {
  const drawn = raftFaultClasses.filter((name) => chance(random.fork(`class ${name}`), 0.5))
  // Members that lost the end of their logs count on the others: a smaller membership may not have enough.
  const excluded: (RaftFaultClass | undefined)[] =
    drawn.includes('tornLog') && drawn.includes('membership') ? [pick(random, exclusive)] : []
  const classes = drawn.filter((name) => !without.includes(name) && !excluded.includes(name))
  const stream = (label: string): Random => random.fork(label)
  /** A value for runs that have the class, else 0. */
  const when = (name: RaftFaultClass, label: string, min: number, max: number): number =>
    classes.includes(name) ? between(stream(label), min, max) : 0
  return {
    classes,
    link: classes.includes('link') ? drawLinkFaults(stream('link')) : reliableLink,
    network: classes.includes('partition') ? drawNetworkDisturbances(stream('network')) : undefined,
    crashPauseMeanMs: when(classes.includes('crash') ? 'crash' : 'tornLog', 'crash', 1_000, 12_000),
    downMeanMs: classes.includes('storm')
      ? between(stream('down'), 1, 200)
      : between(stream('down'), 50, 6_000),
    crashAfterWriteRatio: when('storm', 'afterWrite', 0, 0.01),
    blackoutRatio: chance(stream('blackout'), 0.5) ? 0.1 : 0,
    pausePauseMeanMs: when('pause', 'pause', 1_000, 12_000),
    pausedMeanMs: between(stream('paused'), 100, 6_000),
    driftMax: when('drift', 'drift', 0.000_1, 0.001),
    writeMinMs: between(stream('writeMin'), 0.05, 1),
    writeMeanMs: 0.2 + when('slowDisk', 'write', 0, 30),
    stallRatio: when('slowDisk', 'stall', 0, 0.02),
    stallMeanMs: between(stream('stallMs'), 50, 1_000),
    tornLogRatio: when('tornLog', 'torn', 0.2, 0.8),
    applyMeanMs: when('slowApply', 'apply', 0.1, 30),
    turnMeanMs: when('lazyTurns', 'turn', 0.1, 5),
    membershipPauseMeanMs: when('membership', 'membership', 1_000, 6_000),
    transferPauseMeanMs: when('transfer', 'transfer', 1_000, 8_000),
    oddityPauseMeanMs: when('oddities', 'oddity', 300, 3_000),
    compactEveryEntries: Math.floor(
      classes.includes('compaction') ? between(stream('compact'), 5, 200) : 5_000,
    ),
    compactKeepEntries: stream('keep').below(50),
    snapshotMeanMs: between(stream('snapshot'), 5, 500),
    tickMs: pick(stream('tick'), [50, 100, 100, 100]) ?? 100,
    catchesUpTicks: chance(stream('catchUp'), 0.3),
    usesWireFormat: chance(stream('wire'), 0.25),
    raft: drawRaftOptions(stream('raft'), classes),
    load: drawLoad(stream('load')),
  }
}

function drawRaftOptions(random: Random, classes: readonly RaftFaultClass[]): RaftOptions {
  const checkQuorum = !chance(random, 0.15)
  const isStormy = classes.includes('storm')
  // Leases are for processes that do not stand still.
  const mayLease = checkQuorum && !classes.includes('pause')
  const options: RaftOptions = {
    electionTimeoutTicks: isStormy ? 2 + random.below(3) : 5 + random.below(11),
    preVote: !chance(random, isStormy ? 0.6 : 0.15),
    checkQuorum,
    forwardsProposals: !chance(random, 0.3),
    reads: mayLease && chance(random, 0.4) ? 'lease' : 'quorum',
  }
  if (!classes.includes('smallLimits')) return options
  return {
    ...options,
    messageMaxBytes: 15 * random.below(20),
    inflightMaxMessages: 1 + random.below(8),
    inflightMaxBytes: 1 + random.below(500),
    uncommittedMaxBytes: 15 * (1 + random.below(50)),
    committedMaxBytes: 15 * random.below(20),
  }
}

function drawLoad(random: Random): RaftLoad {
  return {
    clients: 4 + random.below(4),
    keys: 3 + random.below(4),
    thinkMeanMs: between(random, 5, 80),
    readRatio: between(random, 0.2, 0.6),
    casRatio: between(random, 0, 0.3),
    patienceMs: between(random, 500, 3_000),
  }
}
