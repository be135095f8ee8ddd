import { parseArgs } from 'node:util'
import { type RaftSimulationReport, raftFaultClasses, simulateRaft } from '@orrery/simulation'
import { describeCoverage, describeFailure, describeRun } from './describe.ts'
import { plantedBugs } from './planted-bugs.ts'
import { findBug } from './qualify.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1..20' },
    seconds: { type: 'string', default: '60' },
    members: { type: 'string', default: '5' },
    /** Classes of faults to leave out, with commas between. */
    without: { type: 'string', default: '' },
    /** Goes on after a failure. */
    'keep-going': { type: 'boolean', default: false },
    /** Plants the known bugs one after the other, and tells how many seeds it takes to find each. */
    qualify: { type: 'boolean', default: false },
  },
})

if (values.qualify) qualify()
else simulate()

function simulate(): void {
  const [first = 1, last = first] = (values.seed ?? values.seeds).split('..').map(Number)
  const without = raftFaultClasses.filter((name) => values.without.split(',').includes(name))
  const reports: RaftSimulationReport[] = []
  const startedMs = performance.now()
  for (let seed = first; seed <= last; seed++) {
    const members = Number(values.members)
    const report = simulateRaft({ seed, members, durationMs: Number(values.seconds) * 1_000, without })
    reports.push(report)
    console.log(describeRun(report))
    if (report.failure === undefined) continue
    console.log(describeFailure(report, report.failure))
    process.exitCode = 1
    if (!values['keep-going']) break
  }
  const wallSeconds = (performance.now() - startedMs) / 1_000
  const simulatedSeconds = reports.reduce((sum, { simulatedMs }) => sum + simulatedMs / 1_000, 0)
  const failed = reports.filter(({ failure }) => failure !== undefined).length
  console.log(describeCoverage(reports))
  console.log(
    `${reports.length} runs, ${failed} failed, ${simulatedSeconds.toFixed(0)} s simulated in ` +
      `${wallSeconds.toFixed(1)} s: ${(simulatedSeconds / wallSeconds).toFixed(0)} times real time`,
  )
}

function qualify(): void {
  for (const bug of plantedBugs) {
    const { seeds, violation } = findBug(bug)
    if (seeds === undefined) process.exitCode = 1
    console.log(
      `${String(seeds ?? 'never').padStart(5)} of ${String(bug.seedsMax).padStart(3)}  ${bug.name}: ${violation}`,
    )
  }
}
