/**
 * Clusters in virtual time: production code runs under a clock, a network and disks that one seed decides,
 * and checkers judge what came out of it.
 *
 * @packageDocumentation
 */
export { createSimulation } from './time/simulation.ts'
export type { Simulation, SimulationOptions } from './time/simulation.ts'
export type { CrashCause, NodeClockOptions, NodeState, SimulatedNode } from './time/simulated-node.ts'
export type { Trace } from './time/trace.ts'
export { recurring } from './time/recurring.ts'
export type { Recurrence } from './time/recurring.ts'
export { SimulationError, simulationErrorCodes } from './errors.ts'
export type { SimulationErrorCode } from './errors.ts'
export { createSimulatedNetwork } from './network/simulated-network.ts'
export type { DeliveryMode, NetworkCounts, SimulatedNetwork } from './network/simulated-network.ts'
export { drawLinkFaults, reliableLink } from './network/link-faults.ts'
export type { LinkFaults } from './network/link-faults.ts'
export { drawPartition, partitionShapes } from './network/partition.ts'
export type { Cut, PartitionShape } from './network/partition.ts'
export { disturbNetwork, drawNetworkDisturbances } from './network/network-nemesis.ts'
export type { NetworkDisturbances } from './network/network-nemesis.ts'
export { createSimulatedTransports } from './network/simulated-transports.ts'
export type { SimulatedTransports, SimulatedTransportsOptions } from './network/simulated-transports.ts'
export { createNodeDisk, drawDiskFaults, reliableDisk } from './disk/node-disk.ts'
export type { DiskFaults, NodeDisk } from './disk/node-disk.ts'
