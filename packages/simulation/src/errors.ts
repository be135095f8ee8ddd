import { CodedError } from '@orrery/environment'

/** Every way in which the harness itself refuses. What it finds in the simulated code is in its reports. */
export const simulationErrorCodes = [
  /** An option is out of its range. */
  'SIMULATION_INVALID_OPTION',
  /** Simulated code used a clock, timer or randomness of the real process: its run could not be repeated. */
  'SIMULATION_HOST_GLOBAL',
  /** Time does not advance: simulated code schedules itself again and again without a delay. */
  'SIMULATION_STALLED',
  /** A node was asked for what its state does not allow, for example to start while it runs. */
  'SIMULATION_NODE_STATE',
] as const

/** What went wrong, for programs. */
export type SimulationErrorCode = (typeof simulationErrorCodes)[number]

/** The harness was used wrongly, or what runs in it cannot be simulated. */
export class SimulationError extends CodedError<SimulationErrorCode> {}
