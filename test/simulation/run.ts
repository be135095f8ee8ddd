import { parseArgs } from 'node:util'
import { raftFaultClasses, simulateRaft } from '@orrery/simulation'
import { describeCoverage, describeFailure, describeRun } from './describe.ts'
import type { RaftFaultClass, RaftSimulationReport } from '@orrery/simulation'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1..20' },
    seconds: { type: 'string', default: '60' },
    members: { type: 'string', default: '5' },
    without: { type: 'string', default: '' },
    'keep-going': { type: 'boolean', default: false },
  },
})

const [first, last] = (values.seed ?? values.seeds).split('..').map(Number)
const without = raftFaultClasses.filter((name) =>
  values.without.split(',').includes(name),
) satisfies RaftFaultClass[]
const reports: RaftSimulationReport[] = []
const startedMs = performance.now()

for (let seed = first ?? 1; seed <= (last ?? first ?? 1); seed++) {
  const report = simulateRaft({
    seed,
    members: Number(values.members),
    durationMs: Number(values.seconds) * 1_000,
    without,
  })
  reports.push(report)
  console.log(describeRun(report))
  if (report.failure === undefined) continue
  console.log(describeFailure(report, report.failure))
  process.exitCode = 1
  if (!values['keep-going']) break
}

const wallSeconds = (performance.now() - startedMs) / 1_000
const simulatedSeconds = reports.reduce((sum, { simulatedMs }) => sum + simulatedMs / 1_000, 0)
console.log(describeCoverage(reports))
console.log(
  `${reports.length} runs, ${reports.filter(({ failure }) => failure !== undefined).length} failed, ` +
    `${simulatedSeconds.toFixed(0)} s simulated in ${wallSeconds.toFixed(1)} s: ` +
    `${(simulatedSeconds / wallSeconds).toFixed(0)} times real time`,
)
