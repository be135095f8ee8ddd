/** Things that runs of stores should see, taken together. */
export const storeCoverageNames = [
  'elections',
  'writes',
  'transactions',
  'linearizableReads',
  'serializableReads',
  'pastReads',
  'compactions',
  'refusals',
  'silences',
  'starts',
  'kills',
  'powerLosses',
  'pauses',
  'partitions',
  'lostMessages',
  'fullDisks',
  'failedDisks',
  'rottenFiles',
  'damagedMembers',
  'receivedStates',
  'resumedWatches',
  'compactedWatches',
  'grantedLeases',
  'renewedLeases',
  'revokedLeases',
  'expiredLeases',
  'addedVoters',
  'addedLearners',
  'promotedLearners',
  'removedMembers',
  'joinedMembers',
  'refusedChanges',
  'transfers',
] as const

/** See {@link storeCoverageNames}. */
export type StoreCoverageName = (typeof storeCoverageNames)[number]

/** How often each thing happened. */
export type StoreCoverage = Readonly<Record<StoreCoverageName, number>>

/** Counts of a run that goes on. */
export type StoreCounters = Record<StoreCoverageName, number>

export function emptyStoreCoverage(): StoreCounters {
  return Object.fromEntries(storeCoverageNames.map((name) => [name, 0])) as StoreCounters
}

/** The sums over several runs. */
export function addStoreCoverage(all: readonly StoreCoverage[]): StoreCoverage {
  const sum = emptyStoreCoverage()
  for (const coverage of all) for (const name of storeCoverageNames) sum[name] += coverage[name]
  return sum
}
