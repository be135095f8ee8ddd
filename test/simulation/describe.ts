import {
  addCoverage,
  addStoreCoverage,
  type ConfigSimulationReport,
  raftCoverageNames,
  type RaftSimulationReport,
  type RegistrySimulationReport,
  storeCoverageNames,
  type StoreSimulationReport,
} from '@orrery/simulation'

type Report = RaftSimulationReport | StoreSimulationReport | RegistrySimulationReport | ConfigSimulationReport

/** One line about a run. */
export function describeRun(report: Report): string {
  const { seed, hash, events, simulatedMs, faults, failure } = report
  const outcome = failure === undefined ? 'ok' : 'FAILED'
  const answered = 'answered' in report ? `, ${report.answered} answers` : ''
  const seconds = (simulatedMs / 1_000).toFixed(0)
  return `seed ${seed} ${outcome} ${hash} ${events} events in ${seconds} s${answered}: ${faults.classes.join()}`
}

/** Everything that is needed to find out why a run failed. */
export function describeFailure(
  { seed, faults }: Report,
  { atMs, violation, cluster, trace, command }: NonNullable<Report['failure']>,
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

/** The same of stores. */
export function describeStoreCoverage(reports: readonly StoreSimulationReport[]): string {
  const coverage = addStoreCoverage(reports.map((report) => report.coverage))
  return storeCoverageNames.map((name) => `${name} ${coverage[name]}`).join(', ')
}

/** The same of registries, and of configuration hubs. */
export function describeCounts(
  reports: readonly (RegistrySimulationReport | ConfigSimulationReport)[],
): string {
  const sums = new Map<string, number>()
  for (const { counts } of reports) {
    for (const [name, count] of Object.entries(counts)) sums.set(name, (sums.get(name) ?? 0) + count)
  }
  return Array.from(sums, ([name, count]) => `${name} ${count}`).join(', ')
}
