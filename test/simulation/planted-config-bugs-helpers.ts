import type { ConfigHub } from '@orrery/config-hub'
import type { Environment } from '@orrery/environment'
import {
  altered,
  type ConfigSabotage,
  reliableDisk,
  reliableLink,
  type StoreFaults,
} from '@orrery/simulation'
import type { Store } from '@orrery/store'

/** A known way to get a configuration hub wrong. */
export interface PlantedConfigBug {
  readonly name: string
  /** It is found within so many seeds, from 1 on. */
  readonly seedsMax: number
  readonly sabotage: () => Partial<ConfigSabotage>
  /** What it takes to be found in reasonable time. Without the bug, nothing is wrong under it either. */
  readonly faults?: Partial<StoreFaults>
}

/** A bug in what clients see of a hub. */
export const hubAs =
  (change: (hub: ConfigHub, environment: Environment) => Partial<ConfigHub>): PlantedConfigBug['sabotage'] =>
  () => ({ hub: (hub, environment) => altered(hub, change(hub, environment)) })

/** A bug in what a hub sees of its store. */
export const storeAs =
  (change: (store: Store, environment: Environment) => Partial<Store>): PlantedConfigBug['sabotage'] =>
  () => ({ store: (store, environment) => altered(store, change(store, environment)) })

/** Nothing happens to the members. */
export const calm = {
  link: reliableLink,
  disk: reliableDisk,
  network: undefined,
  killPauseMeanMs: 0,
  powerLossPauseMeanMs: 0,
  pausePauseMeanMs: 0,
  driftMax: 0,
  compactRatio: 0,
  catchUpEntries: 5_000,
} satisfies Partial<StoreFaults>

/** Watches end, and revisions are forgotten: hubs lag, and read their state anew. */
export const lostWatches = { ...calm, compactRatio: 0.02 } satisfies Partial<StoreFaults>

/** Who leads loses its followers again and again. */
export const elections = {
  ...calm,
  pausePauseMeanMs: 1_500,
  pausedMeanMs: 1_500,
  requestTimeoutMs: 1_500,
} satisfies Partial<StoreFaults>
