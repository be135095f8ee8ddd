import type { Append, Entry, EntryType, HardState, MemberId, Message, RaftOptions } from '@orrery/raft'
import { createMembership } from '@orrery/raft'
import { TestMember } from './member.ts'

export interface SoloOptions {
  readonly id?: number
  readonly voters?: readonly number[]
  readonly learners?: readonly number[]
  /** The terms of the entries of its log, from index 1 on; all durable. */
  readonly log?: readonly number[]
  readonly hardState?: Partial<HardState>
  /** How far the log is applied. */
  readonly applied?: number
  readonly raft?: RaftOptions
  readonly random?: (bound: number) => number
}

/** One member; the test plays all others. */
export function solo(options: SoloOptions = {}): TestMember {
  const { id = 1, voters = [1, 2, 3], learners = [], log = [], applied = 0 } = options
  const membership = createMembership({ voters: voters.map(BigInt), learners: learners.map(BigInt) })
  const hardState = {
    term: log.at(-1) ?? 0,
    vote: 0n,
    commitIndex: 0,
    isOnProbation: false,
    ...options.hardState,
  }
  const entries = log.map((term, at) => entry(at + 1, term))
  const history = entries.slice(0, applied).map(({ index }) => `start ${String(index)}`)
  return new TestMember({
    id: BigInt(id),
    random: options.random ?? (() => 0),
    options: options.raft,
    disk: {
      hardState,
      previousIndex: 0,
      previousTerm: 0,
      entries,
      state: { index: applied, term: log[applied - 1] ?? 0, membership, history },
    },
  })
}

export function entry(index: number, term: number, type: EntryType = 'command'): Entry {
  const text = type === 'empty' ? '' : `${String(term)}/${String(index)}`
  return { index, term, type, payload: new TextEncoder().encode(text) }
}

/** Does all that is due, and returns what was sent. */
export function work(member: TestMember): Message[] {
  member.work()
  return member.sent.splice(0).map(({ message }) => message)
}

/** Takes all batches without making anything durable, and returns what was sent. */
export function takeOnly(member: TestMember): Message[] {
  while (member.handOut() !== undefined);
  return member.sent.splice(0).map(({ message }) => message)
}

/** Tells the member something, and returns what it says after its duties. */
export function tell(member: TestMember, ...messages: Message[]): Message[] {
  for (const message of messages) member.raft.step(message)
  return work(member)
}

export function tickTimes(member: TestMember, ticks: number): void {
  for (let count = 0; count < ticks; count++) member.raft.tick()
}

type Fields<Type extends Message['type']> = Omit<
  Extract<Message, { type: Type }>,
  'type' | 'from' | 'to' | 'term'
>

/** A message of another member to member 1. */
export function from<Type extends Message['type']>(
  sender: number,
  type: Type,
  term: number,
  fields: Fields<Type>,
): Message {
  const message: unknown = { type, from: BigInt(sender), to: 1n, term, ...fields }
  return message as Message
}

/** Entries of these terms after an entry. */
export function append(
  sender: number,
  term: number,
  fields: {
    readonly after?: readonly [term: number, index: number]
    readonly terms?: readonly number[]
    readonly commit?: number
  },
): Append {
  const [previousTerm, previousIndex] = fields.after ?? [0, 0]
  const entries = (fields.terms ?? []).map((entryTerm, at) => entry(previousIndex + 1 + at, entryTerm))
  const lastIndex = previousIndex + entries.length
  const commitIndex = fields.commit ?? 0
  const envelope = { type: 'append', from: BigInt(sender), to: 1n, term } as const
  return {
    ...envelope,
    previousIndex,
    previousTerm,
    entries,
    commitIndex,
    lastIndex: Math.max(lastIndex, commitIndex),
  }
}

/** An acknowledgement, or a rejection with a hint. */
export function appendResponse(
  sender: number,
  term: number,
  index: number,
  hint?: readonly [term: number, index: number],
): Message {
  const [hintTerm, hintIndex] = hint ?? [0, 0]
  return from(sender, 'appendResponse', term, {
    index,
    isRejected: hint !== undefined,
    hintIndex,
    hintTerm,
    isLogReset: false,
  })
}

export function vote(
  sender: number,
  term: number,
  last: readonly [term: number, index: number] = [0, 0],
): Message {
  return from(sender, 'vote', term, { lastTerm: last[0], lastIndex: last[1], isTransfer: false })
}

export function preVote(
  sender: number,
  term: number,
  last: readonly [term: number, index: number] = [0, 0],
): Message {
  return from(sender, 'preVote', term, { lastTerm: last[0], lastIndex: last[1] })
}

/** Makes member 1 the leader, by the votes of the others. */
export function lead(member: TestMember): TestMember {
  member.raft.campaign()
  for (const id of othersOf(member)) {
    const term = member.raft.term + 1
    if (member.raft.role === 'preCandidate')
      tell(member, from(id, 'preVoteResponse', term, { isGranted: true, isOnProbation: false }))
  }
  work(member)
  for (const id of othersOf(member)) {
    if (member.raft.role === 'candidate')
      tell(member, from(id, 'voteResponse', member.raft.term, { isGranted: true, isOnProbation: false }))
  }
  if (member.raft.role !== 'leader') throw new Error('member 1 does not lead')
  work(member)
  return member
}

/** All others acknowledge the whole log. */
export function acknowledge(member: TestMember, ...ids: number[]): Message[] {
  const { term, lastIndex } = member.raft
  const senders = ids.length > 0 ? ids : othersOf(member)
  return tell(member, ...senders.map((id) => appendResponse(id, term, lastIndex)))
}

function othersOf({ id, raft }: TestMember): number[] {
  const { voters, outgoingVoters } = raft.membership
  return [...new Set([...voters, ...outgoingVoters])].filter((other: MemberId) => other !== id).map(Number)
}
