import type { MemberId, Raft, RaftStart } from '@orrery/raft'

/**
 * A bug to plant, from outside of the core: who trusts a simulation should have seen it fail. By default
 * nothing is changed.
 */
export interface Sabotage {
  /** Stands between the core and its host. */
  wrap(raft: Raft, id: MemberId): Raft
  /** Changes what a member finds when it starts. */
  changeStart(start: RaftStart, id: MemberId): RaftStart
  /**
   * Whether the checks are off that compare promises with disks, so that the bug has to be found by what it
   * leads to.
   */
  readonly trustsDisks: boolean
  /** Messages reach also the process that a member becomes after they were sent. */
  readonly outlivesProcesses: boolean
}

/** No bug. */
export const noSabotage: Sabotage = {
  wrap: (raft) => raft,
  changeStart: (start) => start,
  trustsDisks: false,
  outlivesProcesses: false,
}
