import { parseArgs } from 'node:util'
import {
  type ConfigSimulationOptions,
  type ConfigSimulationReport,
  raftFaultClasses,
  type RaftSimulationReport,
  type RegistrySimulationReport,
  simulateConfig,
  simulateRaft,
  simulateRegistry,
  simulateStore,
  storeFaultClasses,
  type StoreSimulationReport,
} from '@orrery/simulation'
import {
  describeCounts,
  describeCoverage,
  describeFailure,
  describeRun,
  describeStoreCoverage,
} from './describe.ts'
import { plantedBugs } from './planted-bugs.ts'
import { plantedConfigBugs } from './planted-config-bugs.ts'
import { plantedRegistryBugs } from './planted-registry-bugs.ts'
import { plantedStoreBugs } from './planted-store-bugs.ts'
import { type Finding, findBug, findConfigBug, findRegistryBug, findStoreBug } from './qualify.ts'

const help = `Runs simulated clusters, and prints for each that fails how to see it again.

  npm run simulate -- --seeds 1..1000             consensus cores
  npm run simulate -- --stores --seeds 1..1000    whole stores: log, members and store under them
  npm run simulate -- --registries --seeds 1..1000  registries on members of clusters: health, and what is told of it
  npm run simulate -- --configs --seeds 1..1000   configuration hubs on such members: writes, and what is told of them
  npm run simulate -- --qualify                   plants known bugs, and tells how soon each is found

  --seed N              one run
  --seeds FIRST..LAST   a range of runs (1..20)
  --seconds N           how long there are faults, in virtual time (60)
  --members N           how many members found each cluster (5; with registries and hubs 3)
  --without A,B         classes of faults to leave out
                        cores: ${raftFaultClasses.join()}
                        all others: ${storeFaultClasses.join()}
  --keep-going          goes on after a failure
  --quiet               prints failures and sums only
  --trace N             lines of the trace in the report of a failure, but for cores (0)`

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    stores: { type: 'boolean', default: false },
    registries: { type: 'boolean', default: false },
    configs: { type: 'boolean', default: false },
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1..20' },
    seconds: { type: 'string', default: '60' },
    members: { type: 'string' },
    without: { type: 'string', default: '' },
    'keep-going': { type: 'boolean', default: false },
    quiet: { type: 'boolean', default: false },
    trace: { type: 'string', default: '0' },
    qualify: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(help)
else if (values.qualify) await qualify()
else if (values.stores) await simulate(runStore, describeStoreCoverage)
else if (values.registries) await simulate(runRegistry, describeCounts)
else if (values.configs) await simulate(runConfig, describeCounts)
else await simulate(runRaft, describeCoverage)

type Report = RaftSimulationReport | StoreSimulationReport | RegistrySimulationReport | ConfigSimulationReport

function chosen<Name extends string>(names: readonly Name[]): Name[] {
  return names.filter((name) => values.without.split(',').includes(name))
}

/** What runs of all kinds have. */
function common(): { readonly durationMs: number; readonly members?: number } {
  const durationMs = Number(values.seconds) * 1_000
  return values.members === undefined ? { durationMs } : { durationMs, members: Number(values.members) }
}

/** What runs on stores have, besides. */
function onStores(): ReturnType<typeof common> & Pick<ConfigSimulationOptions, 'without' | 'traceMaxLines'> {
  return { ...common(), without: chosen(storeFaultClasses), traceMaxLines: Number(values.trace) }
}

function runRaft(seed: number): Promise<RaftSimulationReport> {
  const without = chosen(raftFaultClasses)
  return Promise.resolve(simulateRaft({ seed, ...common(), without }))
}

function runRegistry(seed: number): Promise<RegistrySimulationReport> {
  return simulateRegistry({ seed, ...onStores() })
}

function runConfig(seed: number): Promise<ConfigSimulationReport> {
  return simulateConfig({ seed, ...onStores() })
}

function runStore(seed: number): Promise<StoreSimulationReport> {
  return simulateStore({ seed, ...onStores() })
}

async function simulate<R extends Report>(
  run: (seed: number) => Promise<R>,
  describeSum: (reports: readonly R[]) => string,
): Promise<void> {
  const [first = 1, last = first] = (values.seed ?? values.seeds).split('..').map(Number)
  const reports: R[] = []
  const startedMs = performance.now()
  for (let seed = first; seed <= last; seed++) {
    const report = await run(seed)
    reports.push(report)
    if (!values.quiet) console.log(describeRun(report))
    if (report.failure === undefined) continue
    console.log(describeFailure(report, report.failure))
    process.exitCode = 1
    if (!values['keep-going']) break
  }
  const wallSeconds = (performance.now() - startedMs) / 1_000
  const simulatedSeconds = reports.reduce((sum, { simulatedMs }) => sum + simulatedMs / 1_000, 0)
  const failed = reports.filter(({ failure }) => failure !== undefined).length
  console.log(describeSum(reports))
  console.log(
    `${reports.length} runs, ${failed} failed, ${simulatedSeconds.toFixed(0)} s simulated in ` +
      `${wallSeconds.toFixed(1)} s: ${(simulatedSeconds / wallSeconds).toFixed(0)} times real time`,
  )
}

async function qualify(): Promise<void> {
  for (const bug of plantedBugs) tell(bug, findBug(bug))
  for (const bug of plantedStoreBugs) tell(bug, await findStoreBug(bug))
  for (const bug of plantedRegistryBugs) tell(bug, await findRegistryBug(bug))
  for (const bug of plantedConfigBugs) tell(bug, await findConfigBug(bug))
}

function tell({ name, seedsMax }: { name: string; seedsMax: number }, { seeds, violation }: Finding): void {
  if (seeds === undefined) process.exitCode = 1
  console.log(
    `${String(seeds ?? 'never').padStart(5)} of ${String(seedsMax).padStart(3)}  ${name}: ${violation}`,
  )
}
