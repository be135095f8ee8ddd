import {
  decodeMembershipChange,
  emptyMembership,
  encodeMembershipChange,
  type Entry,
  type HardState,
  type MemberId,
  type Membership,
  type RaftStart,
} from '@orrery/raft'
import { type ClusterMembers, decodeAnswer, encodeRequest, tagged } from './administration.ts'
import { NodeError } from './errors.ts'
import type { StateStanding } from './host.ts'
import type { Durables, LogStorage, StoredLog } from './log-storage.ts'
import { toMembershipChange } from './member-entries.ts'
import { clusterIdOf, memberIdOf } from './member-id.ts'
import { type Member, MemberTable } from './member-table.ts'
import type { Transport } from './ports.ts'

/** A cluster that is about to begin. */
export interface InitialCluster {
  /** The peer addresses of each member, the same at all of them. */
  readonly members: readonly (readonly string[])[]
  /** Tells clusters apart that begin at the same addresses. */
  readonly token: string
}

/** Ids that follow from a cluster's beginning. */
export interface InitialIds {
  readonly clusterId: bigint
  /** In the order of {@link InitialCluster.members}. */
  readonly memberIds: readonly MemberId[]
}

/**
 * The ids that every initial member computes for itself.
 *
 * @throws NodeError `NODE_INVALID_OPTION` when two members share an address
 */
export function initialIds({ members, token }: InitialCluster): InitialIds {
  const addresses = members.flat()
  if (members.length === 0 || members.some((one) => one.length === 0)) {
    throw new NodeError('NODE_INVALID_OPTION', 'every initial member has an address')
  }
  if (new Set(addresses).size < addresses.length) {
    throw new NodeError('NODE_INVALID_OPTION', 'two initial members have the same address')
  }
  const memberIds = members.map((one) => memberIdOf(one, token))
  return { clusterId: clusterIdOf(memberIds), memberIds }
}

/**
 * What a member of a new cluster begins with: a log in which all initial members are added, one by one, and
 * committed. So whoever joins later learns of them in the same way as of everybody else.
 */
export function initialStart({ members, token }: InitialCluster): RaftStart {
  const added = members
    .map((addresses) => ({ id: memberIdOf(addresses, token), addresses }))
    .sort((a, b) => byId(a.id, b.id))
  const entries = added.map(({ id, addresses }, offset): Entry => {
    const change = toMembershipChange({ type: 'add', id, peerAddresses: addresses, isLearner: false })
    return { index: offset + 1, term: 1, type: 'membership', payload: encodeMembershipChange(change) }
  })
  return {
    hardState: { term: 1, vote: 0n, commitIndex: entries.length, isOnProbation: false },
    previousIndex: 0,
    previousTerm: 0,
    entries,
    appliedIndex: 0,
    membership: emptyMembership,
  }
}

/**
 * Where a state from elsewhere stands in the log of a cluster that begins with it. The log begins behind it, so that
 * whoever joins gets the state first; a member that began without it would, too.
 */
export function restoredStanding(
  initial: InitialCluster,
): StateStanding & { readonly membership: Membership } {
  const { memberIds } = initialIds(initial)
  const membership: Membership = { ...emptyMembership, voters: [...memberIds].sort(byId) }
  const members = new MemberTable(membership)
  for (const [n, id] of memberIds.entries()) members.add(id, initial.members[n] ?? [])
  // Beyond what `initialStart` commits.
  return { index: memberIds.length + 1, term: 2, membership, members: members.encode() }
}

/**
 * Makes durable that a log begins behind a state from elsewhere.
 *
 * @param standing as of {@link restoredStanding}
 */
export async function persistRestored(
  storage: LogStorage,
  { index, term, membership }: ReturnType<typeof restoredStanding>,
  stateName: string,
): Promise<void> {
  const hardState: HardState = { term, vote: 0n, commitIndex: index, isOnProbation: false }
  await persist(storage, { snapshot: { index, term, membership }, entries: [], hardState }, stateName)
}

/** What a member that joins begins with: nothing. The leader sends the rest. */
export function joiningStart(): RaftStart {
  return {
    hardState: { term: 0, vote: 0n, commitIndex: 0, isOnProbation: false },
    previousIndex: 0,
    previousTerm: 0,
    entries: [],
    appliedIndex: 0,
    membership: emptyMembership,
  }
}

/** Makes what a member begins with durable, before it says anything to anybody. */
export async function persistStart(
  storage: LogStorage,
  { hardState, entries }: Pick<RaftStart, 'hardState' | 'entries'>,
): Promise<void> {
  await persist(storage, { snapshot: undefined, hardState, entries })
}

async function persist(
  storage: LogStorage,
  durables: Pick<Durables, 'snapshot' | 'hardState' | 'entries'>,
  stateName?: string,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    storage.onDurable = () => resolve()
    storage.onFailure = reject
    storage.append({ number: 0, mustSync: true, ...durables }, stateName)
  })
  storage.onDurable = undefined
  storage.onFailure = undefined
}

function byId(a: MemberId, b: MemberId): number {
  return a < b ? -1 : 1
}

/** How far a member's state is. */
export interface AppliedState {
  readonly index: number
  readonly term: number
  /** As `Committed` told it last; undefined: no entry was applied yet. */
  readonly members: Uint8Array | undefined
}

/**
 * What a member that was here before goes on from.
 *
 * @throws NodeError `NODE_DAMAGED` when log and state do not fit, `NODE_REMOVED` when the member was removed
 */
export function restartFrom(
  stored: StoredLog,
  applied: AppliedState,
  memberId: MemberId,
): { start: RaftStart; members: MemberTable } {
  const { hardState, previousIndex, previousTerm, entries } = stored
  if (hardState === undefined) throw new NodeError('NODE_DAMAGED', 'the log has no hard state')
  if (applied.index < previousIndex) {
    throw new NodeError(
      'NODE_DAMAGED',
      `the log begins behind entry ${previousIndex}, the state ends at ${applied.index}`,
    )
  }
  const members =
    applied.members === undefined ? new MemberTable(emptyMembership) : MemberTable.decode(applied.members)
  if (members.wasRemoved(memberId))
    throw new NodeError('NODE_REMOVED', 'this member was removed from its cluster')
  const lastIndex = previousIndex + entries.length
  const isBehindState = applied.index > lastIndex
  const others = members.membership.voters.filter((id) => id !== memberId)
  if (isBehindState && others.length === 0) {
    throw new NodeError('NODE_DAMAGED', `the log ends at entry ${lastIndex}, the state has ${applied.index}`)
  }
  // Whoever acknowledged what is lost must not vote for somebody who never had it.
  const isOnProbation = hardState.isOnProbation || (others.length > 0 && (stored.isTailLost || isBehindState))
  return {
    members,
    start: {
      hardState: { ...hardState, commitIndex: Math.max(hardState.commitIndex, applied.index), isOnProbation },
      previousIndex: isBehindState ? applied.index : previousIndex,
      previousTerm: isBehindState ? applied.term : previousTerm,
      entries: isBehindState ? [] : entries,
      appliedIndex: applied.index,
      membership: members.membership,
    },
  }
}

/**
 * Lets a member go on as a cluster of one, with what it has and durably so: all of its log counts as committed, and so
 * do entries that make it a voter and remove all others for ever. For a cluster that has lost its majority: the others
 * must never run again.
 *
 * Source: etcd, `createConfigChangeEnts`. Other than there, what the member does not know to be committed is kept, since
 * the others may have acknowledged it; and the entries are of a term of their own, so that no other is taken for one.
 *
 * @param restarted what it would go on from together with the others
 */
export async function forceAlone(
  storage: LogStorage,
  restarted: { readonly start: RaftStart; readonly members: MemberTable },
  self: Pick<Member, 'id' | 'peerAddresses'>,
): Promise<RaftStart> {
  const { hardState, previousIndex, entries } = restarted.start
  const lastIndex = previousIndex + entries.length
  const term = hardState.term + 1
  const { voters } = restarted.members.membership
  const others = new Set([...restarted.members.list().map(({ id }) => id), ...addedBy(entries)])
  others.delete(self.id)
  // What turns out to be the case already is refused when it is applied, and changes nothing.
  const changes = [
    ...(voters.includes(self.id) ? [] : [{ type: 'add', isLearner: false, ...self } as const]),
    ...[...others].sort(byId).map((id) => ({ type: 'remove', id }) as const),
  ]
  const forced = changes.map((change, offset): Entry => {
    const payload = encodeMembershipChange(toMembershipChange(change))
    return { index: lastIndex + 1 + offset, term, type: 'membership', payload }
  })
  const own: HardState = { ...hardState, term, vote: self.id, isOnProbation: false }
  // Nothing counts as committed before all of it is there.
  await persistStart(storage, { hardState: own, entries: forced })
  const committed = { ...own, commitIndex: lastIndex + forced.length }
  await persistStart(storage, { hardState: committed, entries: [] })
  return { ...restarted.start, hardState: committed, entries: [...entries, ...forced] }
}

/** Who is a member by entries that are not applied yet. */
function addedBy(entries: readonly Entry[]): MemberId[] {
  const changes = entries.filter(({ type }) => type === 'membership')
  return changes.flatMap(({ payload }) => decodeMembershipChange(payload).steps.map(({ member }) => member))
}

/**
 * Asks a cluster for its members, on behalf of somebody who is none.
 *
 * @param transport started, as member 0
 * @throws NodeError `NODE_JOIN_REFUSED` when nobody answers
 */
export async function fetchMembers(
  transport: Transport,
  addresses: readonly string[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<ClusterMembers> {
  const failures: unknown[] = []
  for (const address of addresses) {
    try {
      return decodeAnswer(
        await transport.request(address, tagged('node', encodeRequest({ type: 'members' })), options),
      )
    } catch (error) {
      options.signal?.throwIfAborted()
      failures.push(error)
    }
  }
  throw new NodeError('NODE_JOIN_REFUSED', `no member answers at ${addresses.join(', ')}`, {
    cause: new AggregateError(failures),
  })
}

/**
 * The member that was added for whoever comes with these addresses.
 *
 * @throws NodeError `NODE_JOIN_REFUSED` when nobody was, or it has started already
 */
export function placeFor(addresses: readonly string[], { members }: ClusterMembers): Member {
  const place = members.find(({ peerAddresses }) => peerAddresses.some((one) => addresses.includes(one)))
  if (place === undefined) {
    throw new NodeError(
      'NODE_JOIN_REFUSED',
      `the cluster has no member at ${addresses.join(', ')}: add it first`,
    )
  }
  if (place.name !== '') {
    throw new NodeError('NODE_JOIN_REFUSED', `the member at ${addresses.join(', ')} has been started already`)
  }
  return place
}
