import type { RaftState } from './state.ts'

/** Shows all members that the leader is there, and asks them to confirm the newest round of reads. */
export function sendHeartbeats(state: RaftState): void {
  const { id, term, log, rounds } = state
  const round = rounds.openRound
  for (const { id: to, match } of state.tracker.all) {
    if (to === id) continue
    // Beyond its match a member may hold other entries than those that are committed.
    const commitIndex = Math.min(match, log.commitIndex)
    state.send({ type: 'heartbeat', from: id, to, term, commitIndex, round })
  }
}

/** Begins a round of reads, in which all reads take part that were asked for until now. */
export function beginRound(state: RaftState): void {
  const round = state.rounds.begin(state.ticks)
  const self = state.tracker.get(state.id)
  if (self !== undefined) self.confirmedRound = round
}
