import { isVoter } from './membership.ts'
import type { MemberId } from './entry.ts'
import type { RaftState } from './state.ts'

/** The host wants another leader. Raft thesis, section 3.10. */
export function transferLeadership(state: RaftState, target: MemberId): void {
  const { id: from, leaderId } = state
  if (state.role === 'leader') beginTransfer(state, target)
  else if (leaderId !== 0n) state.send({ type: 'transferLeadership', from, to: leaderId, term: 0, target })
}

/** The last wish counts; to hand over to itself is to stay. */
export function beginTransfer(state: RaftState, target: MemberId): void {
  if (!isVoter(state.membership, target) || state.transfer?.target === target) return
  state.transfer =
    target === state.id ? undefined : { target, startedTick: state.ticks, isTimeoutNowSent: false }
}

/** As soon as the target has the whole log, it is told to campaign. */
export function flushTransfer(state: RaftState): void {
  const { transfer, log, id: from, term } = state
  if (transfer === undefined || transfer.isTimeoutNowSent) return
  if (state.tracker.get(transfer.target)?.match !== log.lastIndex) return
  transfer.isTimeoutNowSent = true
  // The message may be late: from now on the target may win an election at any time.
  state.isLeaseBroken = true
  state.send({ type: 'timeoutNow', from, to: transfer.target, term })
}

/** A target that does not take over within an election timeout will not: the leader goes on. */
export function expireTransfer(state: RaftState): void {
  const { transfer, ticks, options } = state
  if (transfer !== undefined && ticks - transfer.startedTick >= options.electionTimeoutTicks) {
    state.transfer = undefined
  }
}
