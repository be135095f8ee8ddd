import type { RegistryOptions } from '@orrery/registry'
import {
  ClusterRun,
  type ClusterSimulationOptions,
  type ClusterSimulationReport,
} from '../store/cluster-run.ts'
import type { StoreFaultClass } from '../store/store-faults.ts'
import { WatchNemesis } from '../store/watch-nemesis.ts'
import { RegistryClients } from './registry-clients.ts'
import { RegistryDemands } from './registry-demands.ts'
import { RegistryHost } from './registry-host.ts'
import { RegistryLedger } from './registry-ledger.ts'
import { noRegistrySabotage, type RegistrySabotage } from './registry-sabotage.ts'

/** How registries are simulated. */
export interface RegistrySimulationOptions extends ClusterSimulationOptions {
  /** Instances that send heartbeats. @defaultValue `12` */
  readonly instances?: number
  readonly registry?: RegistryOptions
  /** Creates a bug to plant. @defaultValue none */
  readonly sabotage?: () => Partial<RegistrySabotage>
}

/** What came of a simulation. */
export interface RegistrySimulationReport extends ClusterSimulationReport {
  /** What was seen of instances, and what happened to the members meanwhile. */
  readonly counts: Readonly<
    Record<
      | 'expired'
      | 'evicted'
      | 'revived'
      | 'left'
      | 'batches'
      | 'resyncs'
      | 'kills'
      | 'pauses'
      | 'partitions'
      | 'compactions',
      number
    >
  >
}

/** Of the instances. Unit: ms. */
const ttlMs = 8_000
const evictMs = 10_000
/** How long members have to come to rest: places among the checkers run out, all get their grace. Unit: ms. */
const restMs = 40_000
/** How late a dead instance may be found when nothing is wrong, besides its time to live. Unit: ms. */
const latenessMaxMs = 1_000

/** Faults that registries do not see, or write too little for, or that their stores are tried with elsewhere. */
const foreignFaults = [
  'rot',
  'fullDisk',
  'membership',
  'shortLog',
] as const satisfies readonly StoreFaultClass[]

/**
 * Runs registries on members of a cluster, all of it production code: instances beat, die, leave and come back while
 * members crash, pause and lose each other and clocks drift, as the seed draws it. No instance that beats may ever be
 * expired or evicted, and no notification be lost or out of order. Then the faults end, and every dead instance has to
 * be found in time by all.
 */
export async function simulateRegistry(
  options: RegistrySimulationOptions,
): Promise<RegistrySimulationReport> {
  const { instances = 12, sabotage } = options
  const run = new ClusterRun(options, { flag: '--registries', membersDefault: 3, foreignFaults })
  const { simulation, cluster } = run
  const enabled = simulation.random.fork('protection').below(2) === 1
  const registry = { evictAfterMs: evictMs, protection: { enabled, instancesMin: 5 }, ...options.registry }
  const { evictAfterMs = evictMs } = registry
  const fail = (violation: string): void => cluster.fail(violation)
  const ledger = new RegistryLedger(simulation, { ttlMs, evictAfterMs }, fail)
  const watches = new WatchNemesis(cluster)
  const bugs = { ...noRegistrySabotage, ...sabotage?.() }
  const host = new RegistryHost({ cluster, ledger, sabotage: bugs, options: registry, watches })
  const clients = new RegistryClients({ cluster, host, ledger, ttlMs, count: instances })
  const demands = new RegistryDemands({ cluster, host, members: run.members })
  const report = await run.report(async () => {
    cluster.found(run.members)
    host.start()
    clients.start()
    await run.runFor(5_000)
    await run.disturb([watches])
    if (!run.isWrong) await demandAll(run, clients, demands)
  })
  const { kills, pauses, partitions } = cluster.counters
  const { compactions } = watches
  return { ...report, counts: { ...ledger.counts, kills, pauses, partitions, compactions } }
}

/** Everything works again: the living are healthy, the dead are found, in time and by all. */
async function demandAll(run: ClusterRun, clients: RegistryClients, demands: RegistryDemands): Promise<void> {
  clients.calm()
  await run.runFor(restMs)
  demands.requireHealthy(clients.living)
  const dead = clients.stopSome(3)
  await run.runFor(ttlMs + latenessMaxMs)
  demands.requireExpired(dead)
  demands.requireStored()
  await run.runFor(2_000)
  demands.requireTold()
}
