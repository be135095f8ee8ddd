/** What an election has come to. */
export type VoteResult = 'won' | 'lost' | 'pending'

/**
 * The highest value that a majority has reached: with five of them, the third highest. Sorts `values`,
 * which are few, in place. An empty list limits nothing: the outgoing half of a simple membership.
 */
export function majorityReached(values: number[]): number {
  const length = values.length
  if (length === 0) return Infinity
  for (let i = 1; i < length; i++) {
    const value = values[i] ?? 0
    let j = i - 1
    for (; j >= 0 && (values[j] ?? 0) > value; j--) values[j + 1] = values[j] ?? 0
    values[j + 1] = value
  }
  return values[(length - 1) >> 1] ?? 0
}

/** How one list of voters has voted; nobody's votes are no majority against it. */
export function majorityVote<Id>(voters: readonly Id[], votes: ReadonlyMap<Id, boolean>): VoteResult {
  if (voters.length === 0) return 'won'
  let granted = 0
  let missing = 0
  for (const voter of voters) {
    const vote = votes.get(voter)
    if (vote === undefined) missing++
    else if (vote) granted++
  }
  const majority = (voters.length >> 1) + 1
  if (granted >= majority) return 'won'
  return granted + missing >= majority ? 'pending' : 'lost'
}

/** An election under a membership: both majorities are needed. Raft, section 6. */
export function electionResult<Id>(
  { voters, outgoingVoters }: { readonly voters: readonly Id[]; readonly outgoingVoters: readonly Id[] },
  votes: ReadonlyMap<Id, boolean>,
): VoteResult {
  const incoming = majorityVote(voters, votes)
  const outgoing = majorityVote(outgoingVoters, votes)
  if (incoming === outgoing) return incoming
  return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending'
}
