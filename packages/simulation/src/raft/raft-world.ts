import type { MemberId, Membership } from '@orrery/raft'
import type { SimulatedNetwork } from '../network/simulated-network.ts'
import type { Simulation } from '../time/simulation.ts'
import type { RaftCounters } from './coverage.ts'
import type { RaftFaults } from './raft-faults.ts'
import type { RaftInvariants } from './raft-invariants.ts'
import type { CommandResult } from './registers.ts'
import type { Sabotage } from './sabotage.ts'
import type { SimulatedMember } from './simulated-member.ts'

/** What members share. */
export interface RaftWorld {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork
  readonly invariants: RaftInvariants
  readonly counters: RaftCounters
  readonly sabotage: Sabotage
  /** Changes when faults end. */
  faults: RaftFaults
  /** All that ever were, by id. */
  readonly members: ReadonlyMap<MemberId, SimulatedMember>
  /** Never used twice. */
  nextContext(): number
  /** A command took effect at a member, perhaps not the first one. */
  onEffect(result: CommandResult): void
  /** Something became durable. */
  onWritten(member: SimulatedMember): void
  /** A membership came into force somewhere. */
  onMembership(member: SimulatedMember, before: Membership, after: Membership): void
}
