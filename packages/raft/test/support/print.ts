import type { Entry, HardState, Membership, MembershipChange, Message, Ready } from '@orrery/raft'
import { decodeMembershipChange } from '@orrery/raft'

// How transcripts show what members do. Entries are `term/index`, as in figure 7 of the Raft paper's followers.

const text = new TextDecoder('latin1')

export function printEntry({ index, term, type, payload }: Entry): string {
  const place = `${String(term)}/${String(index)}`
  if (type === 'empty') return place
  return type === 'command'
    ? `${place} "${text.decode(payload)}"`
    : `${place} ${printChange(decodeMembershipChange(payload))}`
}

export function printChange({ steps, transition }: MembershipChange): string {
  if (steps.length === 0) return 'leave joint'
  const list = steps.map(({ type, member }) => `${type} ${String(member)}`).join(', ')
  return transition === 'auto' ? list : `${transition}: ${list}`
}

export function printMembership(membership: Membership): string {
  const { voters, outgoingVoters, learners, nextLearners, leavesAutomatically } = membership
  const parts = [`voters ${voters.join(' ')}`]
  if (outgoingVoters.length > 0) parts.push(`outgoing ${outgoingVoters.join(' ')}`)
  if (learners.length > 0) parts.push(`learners ${learners.join(' ')}`)
  if (nextLearners.length > 0) parts.push(`next learners ${nextLearners.join(' ')}`)
  if (leavesAutomatically) parts.push('leaves automatically')
  return parts.join(', ')
}

export function printEntries(entries: readonly Entry[]): string {
  return entries.map(printEntry).join(', ')
}

export function printMessage(message: Message): string {
  const { from, to, term } = message
  const envelope = `${String(from)} => ${String(to)} ${message.type}`
  return [term === 0 ? envelope : `${envelope} term ${String(term)}`, ...fields(message)].join(', ')
}

function fields(message: Message): string[] {
  switch (message.type) {
    case 'preVote':
      return [`last ${String(message.lastTerm)}/${String(message.lastIndex)}`]
    case 'vote': {
      const last = `last ${String(message.lastTerm)}/${String(message.lastIndex)}`
      return message.isTransfer ? [last, 'transfer'] : [last]
    }
    case 'preVoteResponse':
    case 'voteResponse':
      if (!message.isGranted) return ['rejected']
      return [message.isOnProbation ? 'granted on probation' : 'granted']
    case 'append': {
      const after = `after ${String(message.previousTerm)}/${String(message.previousIndex)}`
      return [after, `[${printEntries(message.entries)}]`, `commit ${String(message.commitIndex)}`]
    }
    case 'appendResponse': {
      if (!message.isRejected) return [`has ${String(message.index)}`]
      const hint = `try ${String(message.hintTerm)}/${String(message.hintIndex)}`
      return [`lacks ${String(message.index)}`, hint, ...(message.isLogReset ? ['log reset'] : [])]
    }
    case 'heartbeat':
      return [`commit ${String(message.commitIndex)}`, ...round(message.round)]
    case 'heartbeatResponse':
      return round(message.round)
    case 'snapshot': {
      const { index, term, membership } = message.snapshot
      return [`state at ${String(term)}/${String(index)}`, printMembership(membership)]
    }
    case 'timeoutNow':
      return []
    case 'transferLeadership':
      return [`to ${String(message.target)}`]
    case 'propose':
      return [message.proposals.map(({ payload }) => `"${text.decode(payload)}"`).join(' ')]
    case 'readIndex':
      return [`read ${String(message.context)}`]
    case 'readIndexResponse':
      return [`read ${String(message.context)} at ${String(message.index)}`]
  }
}

function round(number: number): string[] {
  return number === 0 ? [] : [`round ${String(number)}`]
}

export function printHardState({ term, vote, commitIndex, isOnProbation }: HardState): string {
  const state = `term ${String(term)}, vote ${String(vote)}, commit ${String(commitIndex)}`
  return isOnProbation ? `${state}, on probation` : state
}

/** A batch, one duty per line. */
export function printReady(ready: Ready): string[] {
  const { snapshot, entries, hardState, messages, committed, reads, droppedReads } = ready
  const lines: string[] = []
  if (snapshot !== undefined) lines.push(`install ${String(snapshot.term)}/${String(snapshot.index)}`)
  if (entries.length > 0) lines.push(`write ${printEntries(entries)}`)
  if (hardState !== undefined) lines.push(`${ready.mustSync ? 'sync' : 'keep'} ${printHardState(hardState)}`)
  for (const message of messages) lines.push(`send ${printMessage(message)}`)
  if (committed.length > 0) lines.push(`apply ${printEntries(committed)}`)
  for (const { context, index } of reads) lines.push(`answer read ${String(context)} at ${String(index)}`)
  for (const context of droppedReads) lines.push(`drop read ${String(context)}`)
  return lines
}
