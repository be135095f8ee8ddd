import { ClusterRun, type ClusterSimulationOptions, type ClusterSimulationReport } from './cluster-run.ts'
import { LeaseHolders } from './lease-holders.ts'
import { StoreClients } from './store-clients.ts'
import type { StoreCoverage } from './store-coverage.ts'
import { StoreHistory } from './store-history.ts'
import { judgeHistory } from './store-judge.ts'
import { StoreOperator } from './store-operator.ts'
import { StoreRecovery } from './store-recovery.ts'
import { noStoreSabotage, type StoreSabotage } from './store-sabotage.ts'
import { StoreWatchers } from './store-watchers.ts'

/** How a cluster of stores is simulated. */
export interface StoreSimulationOptions extends ClusterSimulationOptions {
  /** Creates a bug to plant. @defaultValue none */
  readonly sabotage?: () => Partial<StoreSabotage>
}

/** What came of a simulation. */
export interface StoreSimulationReport extends ClusterSimulationReport {
  readonly coverage: StoreCoverage
  /** Operations of clients that were answered. */
  readonly answered: number
  readonly revision: number
}

/** How long clients may wait for what they have begun when the faults end. Unit: ms. */
const drainMs = 8_000

/**
 * Runs the production code of members (store, consensus, log) on simulated disks and wires: clients read, write,
 * compare, watch and hold leases while members crash, pause, lose each other, run out of space, rot and are replaced,
 * as the seed draws it. Then the faults end, the cluster has to agree, and everything that was answered has to fit.
 */
export async function simulateStore(options: StoreSimulationOptions): Promise<StoreSimulationReport> {
  const sabotage = { ...noStoreSabotage, ...options.sabotage?.() }
  const run = new ClusterRun(options, { flag: '--stores', membersDefault: 5, sabotage })
  const { cluster, members } = run
  const { counters, network } = cluster
  const history = new StoreHistory()
  const report = await run.report(async () => {
    cluster.found(members)
    new StoreClients(cluster, history).start()
    new LeaseHolders(cluster, history).start()
    new StoreWatchers(cluster, history).start()
    const operator = new StoreOperator(cluster, members)
    operator.start()
    await run.disturb()
    await run.runFor(drainMs)
    await new StoreRecovery(cluster, history, operator).run()
    const violation = run.isWrong ? undefined : judgeHistory(cluster, history)
    if (violation !== undefined) cluster.fail(violation)
  })
  return {
    ...report,
    coverage: { ...counters, lostMessages: counters.lostMessages + network.counts.lost },
    answered: history.operations.length,
    revision: history.nextRevision - 1,
  }
}
