import { judge, type Verdict } from '../checkers/checker.ts'
import { createLeaseSafetyChecker, type LeaseObservation } from '../checkers/lease-safety.ts'
import { checkRevisionOrder } from '../checkers/revision-order.ts'
import { createServedReadChecker } from '../checkers/served-reads.ts'
import { checkWatch } from '../checkers/watch.ts'
import type { StoreCluster } from './store-cluster.ts'
import type { LeaseStory, StoreHistory } from './store-history.ts'
import { leasePrefix } from './lease-holders.ts'

/** What is wrong with what a cluster of stores has answered; undefined: nothing. */
export function judgeHistory(cluster: StoreCluster, history: StoreHistory): string | undefined {
  return (
    repeatedWrite(history) ??
    violationOf(checkRevisionOrder(history.log, history.operations)) ??
    violationOf(judge(createServedReadChecker(), history.served)) ??
    watchViolation(history) ??
    leaseViolation(cluster, history)
  )
}

function violationOf(verdict: Verdict): string | undefined {
  if (verdict.type === 'legal') return undefined
  return verdict.type === 'illegal' ? verdict.violation : verdict.reason
}

/** Every value is written once. */
function repeatedWrite({ log, refusedValues }: StoreHistory): string | undefined {
  const written = new Set<string>()
  for (const { changes } of log) {
    for (const { key, value } of changes) {
      if (value === undefined || key.startsWith('last')) continue
      if (written.has(value)) return `the write of ${value} took effect twice`
      if (refusedValues.has(value)) return `the write of ${value} took effect, though it was refused`
      written.add(value)
    }
  }
  return undefined
}

function watchViolation({ log, watches }: StoreHistory): string | undefined {
  const caughtUpRevision = log.at(-1)?.revision
  for (const { prefix = '', hasEnded, ...seen } of watches) {
    const violation = violationOf(
      checkWatch(log, {
        ...seen,
        matches: ({ key }) => key.startsWith(prefix),
        caughtUpRevision: hasEnded ? undefined : caughtUpRevision,
      }),
    )
    if (violation !== undefined) return violation
  }
  return undefined
}

function leaseViolation(cluster: StoreCluster, { log, leases }: StoreHistory): string | undefined {
  const { counters, faults } = cluster
  const logByLease = new Map<string, typeof log>()
  for (const { revision, changes } of log) {
    for (const story of new Set(changes.map(({ key }) => key.split('/')[1]))) {
      if (story === undefined) continue
      const own = changes.filter(({ key }) => key.startsWith(leasePrefix(story)))
      const entries = logByLease.get(story) ?? []
      entries.push({ revision, changes: own })
      logByLease.set(story, entries)
    }
  }
  for (const story of leases) {
    const entries = logByLease.get(story.id) ?? []
    const observations = observationsOf(story, entries, (revision) => cluster.seenAtMs(revision))
    if (observations.some((one) => one.type === 'revoked' && one.cause === 'expired'))
      counters.expiredLeases++
    const checker = createLeaseSafetyChecker({ driftMax: 2 * faults.driftMax })
    const violation = violationOf(judge(checker, observations))
    if (violation !== undefined) return violation
    const last = observations.at(-1)
    if (last?.type === 'attached') return `lease ${story.id} is gone, and ${last.key} is still there`
  }
  return undefined
}

/** The life of a lease by its keys: they come with its puts, and go with it. */
function observationsOf(
  { id: leaseId, ttlMs, grantedAtMs, renewedAtMs, revokedAtMs }: LeaseStory,
  log: StoreHistory['log'],
  seenAtMs: (revision: number) => number,
): LeaseObservation[] {
  const observations: LeaseObservation[] = [{ type: 'granted', leaseId, calledAtMs: grantedAtMs, ttlMs }]
  const renewals = renewedAtMs.map((calledAtMs) => ({ type: 'renewed', leaseId, calledAtMs, ttlMs }) as const)
  for (const { revision, changes } of log) {
    const deletedKeys = changes.filter(({ value }) => value === undefined).map(({ key }) => key)
    for (const { key, value } of changes) {
      if (value !== undefined) observations.push({ type: 'attached', leaseId, key })
    }
    if (deletedKeys.length === 0) continue
    const atMs = seenAtMs(revision)
    while ((renewals[0]?.calledAtMs ?? Infinity) <= atMs) {
      const renewal = renewals.shift()
      if (renewal !== undefined) observations.push(renewal)
    }
    const cause = revokedAtMs !== undefined && revokedAtMs <= atMs ? 'client' : 'expired'
    observations.push({ type: 'revoked', leaseId, cause, atMs, deletedKeys })
  }
  return [...observations, ...renewals]
}
