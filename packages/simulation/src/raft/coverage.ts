/** Things that a run should see: a simulation that never elects anybody proves nothing. */
export const raftCoverageNames = [
  'elections',
  'commits',
  'appliedEntries',
  'acknowledgedWrites',
  'answeredReads',
  'droppedReads',
  'unknownOutcomes',
  'refusedNoLeader',
  'refusedTransferring',
  'refusedTooManyUncommitted',
  'refusedNotMember',
  'crashes',
  'restarts',
  'lostWrites',
  'pauses',
  'partitions',
  'lostMessages',
  'duplicatedMessages',
  'truncations',
  'compactions',
  'snapshotsSent',
  'snapshotsInstalled',
  'snapshotsFailed',
  'tornLogs',
  'endedProbations',
  'transfers',
  'membershipChanges',
  'jointMemberships',
  'explicitJointMemberships',
  'addedLearners',
  'promotions',
  'demotions',
  'removals',
  'removedLeaders',
  'refusedReturns',
  'steppedDown',
] as const

/** See {@link raftCoverageNames}. */
export type RaftCoverageName = (typeof raftCoverageNames)[number]

/** How often each thing happened. */
export type RaftCoverage = Readonly<Record<RaftCoverageName, number>>

/** Counts of a run that goes on. */
export type RaftCounters = Record<RaftCoverageName, number>

export function emptyCoverage(): RaftCounters {
  const zeros = Object.fromEntries(raftCoverageNames.map((name) => [name, 0]))
  return zeros as RaftCounters
}

/** The sums over several runs. */
export function addCoverage(all: readonly RaftCoverage[]): RaftCoverage {
  const sum = emptyCoverage()
  for (const coverage of all) for (const name of raftCoverageNames) sum[name] += coverage[name]
  return sum
}
