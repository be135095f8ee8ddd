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
export { judge } from './checkers/checker.ts'
export type { Checker, Verdict } from './checkers/checker.ts'
export { createElectionSafetyChecker } from './checkers/election-safety.ts'
export type { LeaderObservation } from './checkers/election-safety.ts'
export { createLogMatchingChecker } from './checkers/log-matching.ts'
export type { LogEntryObservation } from './checkers/log-matching.ts'
export { createLeaderCompletenessChecker } from './checkers/leader-completeness.ts'
export type { LeadershipObservation } from './checkers/leader-completeness.ts'
export { createStateMachineSafetyChecker } from './checkers/state-machine-safety.ts'
export type { AppliedObservation } from './checkers/state-machine-safety.ts'
export { createMonotonicityChecker } from './checkers/monotonicity.ts'
export type { PositionObservation } from './checkers/monotonicity.ts'
export { checkLinearizability } from './checkers/linearizability.ts'
export type { LinearizabilityOptions, Model, Operation } from './checkers/linearizability.ts'
export { createRevisionModel, registerModel } from './checkers/models.ts'
export type {
  RegisterInput,
  RegisterOutput,
  RevisionInput,
  RevisionOutput,
  RevisionState,
} from './checkers/models.ts'
export { checkRevisionOrder } from './checkers/revision-order.ts'
export type { KeyChange, RevisedOperation, RevisionChanges } from './checkers/revision-order.ts'
export { checkWatch } from './checkers/watch.ts'
export type { WatchObservation } from './checkers/watch.ts'
export { createServedReadChecker } from './checkers/served-reads.ts'
export type { ServedReadObservation } from './checkers/served-reads.ts'
export { createLeaseSafetyChecker } from './checkers/lease-safety.ts'
export type { LeaseObservation, LeaseSafetyOptions } from './checkers/lease-safety.ts'
export { simulateRaft } from './raft/simulate-raft.ts'
export type {
  RaftSimulationOptions,
  RaftSimulationReport,
} from './raft/simulate-raft.ts'
export { drawRaftFaults, raftFaultClasses } from './raft/raft-faults.ts'
export type { RaftFaultClass, RaftFaults, RaftLoad } from './raft/raft-faults.ts'
export { addCoverage, raftCoverageNames } from './raft/coverage.ts'
export type { RaftCoverage, RaftCoverageName } from './raft/coverage.ts'
export type { Sabotage } from './raft/sabotage.ts'
export { altered } from './store/altered.ts'
export { simulateStore } from './store/simulate-store.ts'
export type {
  StoreSimulationOptions,
  StoreSimulationReport,
} from './store/simulate-store.ts'
export { drawStoreFaults, storeFaultClasses } from './store/store-faults.ts'
export type { StoreFaultClass, StoreFaults } from './store/store-faults.ts'
export { addStoreCoverage, storeCoverageNames } from './store/store-coverage.ts'
export type { StoreCoverage, StoreCoverageName } from './store/store-coverage.ts'
export type { StoreSabotage } from './store/store-sabotage.ts'
export type { RegistrySabotage } from './registry/registry-sabotage.ts'
export { simulateRegistry } from './registry/simulate-registry.ts'
export type {
  RegistrySimulationOptions,
  RegistrySimulationReport,
} from './registry/simulate-registry.ts'
export type { ConfigClientCounts } from './config/config-clients.ts'
export type { ConfigSabotage } from './config/config-sabotage.ts'
export { simulateConfig } from './config/simulate-config.ts'
export type {
  ConfigSimulationOptions,
  ConfigSimulationReport,
} from './config/simulate-config.ts'
export type { SimulationFailure } from './time/simulation-failure.ts'
