import type { SimulatedTransports } from '../network/simulated-transports.ts'
import type { Simulation } from '../time/simulation.ts'
import type { StoreCounters } from './store-coverage.ts'
import type { StoreFaults } from './store-faults.ts'
import type { StoreSabotage } from './store-sabotage.ts'

/** What the parts of a simulated cluster of stores share. */
export interface StoreWorld {
  readonly simulation: Simulation
  readonly transports: SimulatedTransports
  readonly counters: StoreCounters
  readonly sabotage: StoreSabotage
  readonly faults: StoreFaults
  /** Faults and clients have come to their end. */
  readonly isOver: boolean
  /** The highest commit index that any process has shown. */
  highestIndex(): number
  /** Something is wrong. The first thing counts. */
  fail(violation: string): void
}
