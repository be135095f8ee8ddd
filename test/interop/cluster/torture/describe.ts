import type { TortureReport } from './torture.ts'

/** What came of a run, for people. */
export function describeTorture(report: TortureReport): string {
  const { answered, unanswered, revision, watchStreams, renewals, abandonedLeases, lostLeases } = report
  const faults = [...report.faults].map(([kind, count]) => `${kind} ${count}`).join(', ')
  return [
    `${answered} calls answered, ${unanswered} with unknown outcome, revision ${revision}`,
    `${watchStreams} watch streams, ${renewals} renewals, ${abandonedLeases} leases abandoned, ${lostLeases} lost`,
    `faults: ${faults}`,
    ...(report.evidence === undefined
      ? ['nothing was violated']
      : [...report.violations, `see ${report.evidence}`]),
  ].join('\n')
}
