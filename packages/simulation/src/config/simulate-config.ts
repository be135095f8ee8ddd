import type { ConfigHubOptions } from '@orrery/config-hub'
import { configHubDefaults } from '@orrery/config-hub'
import type { Random } from '@orrery/environment'
import { altered } from '../store/altered.ts'
import {
  ClusterRun,
  type ClusterSimulationOptions,
  type ClusterSimulationReport,
  type Nemesis,
} from '../store/cluster-run.ts'
import type { StoreFaultClass } from '../store/store-faults.ts'
import { noStoreSabotage, type StoreSabotage } from '../store/store-sabotage.ts'
import { WatchNemesis } from '../store/watch-nemesis.ts'
import { pick } from '../time/draw.ts'
import { type ConfigClientCounts, ConfigClients } from './config-clients.ts'
import { ConfigDemands } from './config-demands.ts'
import { ConfigHistory } from './config-history.ts'
import { ConfigHost } from './config-host.ts'
import { ConfigLedger } from './config-ledger.ts'
import { type ConfigSabotage, noConfigSabotage } from './config-sabotage.ts'
import type { ConfigWorld } from './config-world.ts'
import { LagNemesis } from './lag-nemesis.ts'

/** How configuration hubs are simulated. */
export interface ConfigSimulationOptions extends ClusterSimulationOptions {
  /** Who writes, watches and polls. @defaultValue 4 writers, 10 watchers, 6 pollers */
  readonly clients?: Partial<ConfigClientCounts>
  /** Replaces parts of what the seed draws. */
  readonly hub?: ConfigHubOptions
  /** Creates a bug to plant. @defaultValue none */
  readonly sabotage?: () => Partial<ConfigSabotage>
}

/** What came of a simulation. */
export interface ConfigSimulationReport extends ClusterSimulationReport {
  /** What came of writes, what clients did and were told, and what happened to the members meanwhile. */
  readonly counts: Readonly<
    Record<
      | 'acknowledged'
      | 'refused'
      | 'unknown'
      | 'told'
      | 'unchanged'
      | 'sessions'
      | 'lagging'
      | 'skipped'
      | 'polls'
      | 'closes'
      | 'kills'
      | 'pauses'
      | 'partitions'
      | 'compactions',
      number
    >
  >
}

/** Faults that hubs do not see, or that their stores are tried with elsewhere. */
const foreignFaults = ['rot', 'fullDisk', 'membership'] as const satisfies readonly StoreFaultClass[]
const defaultClients: ConfigClientCounts = { writers: 4, watchers: 10, pollers: 6 }
/** How long members have to come to rest, and how long their hubs have to say something when they have. Unit: ms. */
const restMs = 8_000
const answerMs = 5_000

/**
 * Runs configuration hubs on members of a cluster, all of it production code: writers write files and groups, watchers and pollers come
 * to one hub after the other with what they know, while members crash, pause and lose each other, as the seed draws it. Everything that
 * anybody is told is held against what the store held at that revision.
 */
export async function simulateConfig(options: ConfigSimulationOptions): Promise<ConfigSimulationReport> {
  const sabotage = keptUntil(() => history.revision)
  const run = new ClusterRun(options, { flag: '--configs', membersDefault: 3, foreignFaults, sabotage })
  const { simulation, cluster } = run
  const hubOptions = { ...drawHub(simulation.random.fork('hub')), ...options.hub }
  const { releasesMaxItems = configHubDefaults.releasesMaxItems } = hubOptions
  const fail = (violation: string): void => cluster.fail(violation)
  const history = new ConfigHistory(fail, simulation.trace, releasesMaxItems)
  const watches = new WatchNemesis(cluster)
  const lags = new LagNemesis(cluster)
  const bugs = { ...noConfigSabotage, ...options.sabotage?.() }
  const host = new ConfigHost({ cluster, history, options: hubOptions, sabotage: bugs, watches, lags })
  const closes: Nemesis = { start: () => host.disturb(), stop: () => host.calm() }
  const ledger = new ConfigLedger(history)
  const world = { cluster, host, history, ledger }
  const clients = new ConfigClients(world, { ...defaultClients, ...options.clients })
  const report = await run.report(async () => {
    cluster.found(run.members)
    host.start()
    clients.start()
    await run.runFor(3_000)
    await run.disturb([watches, lags, closes])
    if (!run.isWrong) await demandAll(run, world, clients)
  })
  const { kills, pauses, partitions } = cluster.counters
  const happened = { closes: host.closes, kills, pauses, partitions, compactions: watches.compactions }
  return { ...report, counts: { ...ledger.counts, ...clients.counts, ...happened } }
}

/** Everything works again: everybody is told everything, and all members show the same. */
async function demandAll(run: ClusterRun, world: ConfigWorld, clients: ConfigClients): Promise<void> {
  const demands = new ConfigDemands(world)
  clients.calm()
  await run.runFor(restMs)
  clients.requireWrites()
  await run.runFor(answerMs)
  demands.require(run.members)
  await run.runFor(answerMs)
  clients.requireTold()
  clients.leave()
  await run.runFor(answerMs)
  clients.requireAlone()
  const violation = run.isWrong ? undefined : world.ledger.violation()
  if (violation !== undefined) run.cluster.fail(violation)
}

/** Nothing is compacted before the history has it: without it nobody could be judged. */
function keptUntil(knownRevision: () => number): StoreSabotage {
  return {
    ...noStoreSabotage,
    store: (store) =>
      altered(store, {
        compact: ({ revision, ...request }, options) =>
          store.compact({ ...request, revision: Math.min(revision, knownRevision()) }, options),
      }),
  }
}

/** Few releases are kept in some runs, and few contents in memory: what is told has to be read, or is gone. */
function drawHub(random: Random): ConfigHubOptions {
  return {
    releasesMaxItems: pick(random, [2, 3, 5, 100]),
    cacheMaxBytes: pick(random, [0, 3_000, 1_000_000]),
    cacheMaxIdleMs: pick(random, [1_000, Infinity]),
  }
}
