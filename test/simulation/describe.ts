import {
  type RaftSimulationFailure,
  type RaftSimulationReport,
  addCoverage,
  raftCoverageNames,
} from '@orrery/simulation'

/** One line about a run. */
export function describeRun({
  seed,
  hash,
  events,
  simulatedMs,
  faults,
  failure,
}: RaftSimulationReport): string {
  const outcome = failure === undefined ? 'ok' : 'FAILED'
  return `seed ${seed} ${outcome} ${hash} ${events} events in ${(simulatedMs / 1_000).toFixed(0)} s: ${faults.classes.join()}`
}

/** Everything that is needed to find out why a run failed. */
export function describeFailure(
  { seed, faults }: RaftSimulationReport,
  { atMs, violation, cluster, trace, command }: RaftSimulationFailure,
): string {
  return [
    `seed ${seed}, configuration ${JSON.stringify(faults)}`,
    ...trace,
    `at ${atMs.toFixed(3)} ms: ${cluster}`,
    `VIOLATION: ${violation}`,
    `again: ${command}`,
  ].join('\n')
}

/** How often everything happened, over all runs. */
export function describeCoverage(reports: readonly RaftSimulationReport[]): string {
  const coverage = addCoverage(reports.map((report) => report.coverage))
  return raftCoverageNames.map((name) => `${name} ${coverage[name]}`).join(', ')
}
