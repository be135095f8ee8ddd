/**
 * What a voter says. `grantedOnProbation`: it may have lost entries that it acknowledged, and with them the reason to
 * refuse.
 */
export type VoteCast = 'granted' | 'grantedOnProbation' | 'refused'

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

/**
 * How one list of voters has voted; nobody's votes are no majority against it. Votes on probation are as good as
 * missing.
 */
export function majorityVote<Id>(voters: readonly Id[], votes: ReadonlyMap<Id, VoteCast>): VoteResult {
  if (voters.length === 0) return 'won'
  let granted = 0
  let missing = 0
  for (const voter of voters) {
    const vote = votes.get(voter)
    if (vote === undefined) missing++
    else if (vote === 'granted') granted++
  }
  const majority = (voters.length >> 1) + 1
  if (granted >= majority) return 'won'
  return granted + missing >= majority ? 'pending' : 'lost'
}

/**
 * An election under a membership: both majorities are needed. Raft, section 6.
 *
 * Or the votes of all, those on probation too. What is committed is in the logs of a majority; unless each of these
 * members has lost it, one of them refuses a candidate that lacks it. So after a loss of power that tore the ends of
 * most logs the cluster needs all of its members once, and nobody's help.
 */
export function electionResult<Id>(
  { voters, outgoingVoters }: { readonly voters: readonly Id[]; readonly outgoingVoters: readonly Id[] },
  votes: ReadonlyMap<Id, VoteCast>,
): VoteResult {
  const result = majorities({ voters, outgoingVoters }, votes)
  if (result === 'won') return result
  const all = [...voters, ...outgoingVoters]
  if (all.some((voter) => votes.get(voter) === 'refused')) return result
  return all.every((voter) => votes.has(voter)) ? 'won' : 'pending'
}

function majorities<Id>(
  { voters, outgoingVoters }: { readonly voters: readonly Id[]; readonly outgoingVoters: readonly Id[] },
  votes: ReadonlyMap<Id, VoteCast>,
): VoteResult {
  const incoming = majorityVote(voters, votes)
  const outgoing = majorityVote(outgoingVoters, votes)
  if (incoming === outgoing) return incoming
  return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending'
}
