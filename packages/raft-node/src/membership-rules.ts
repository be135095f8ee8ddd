import type { MemberId, ProgressStatus } from '@orrery/raft'
import { NodeError } from './errors.ts'
import type { Member, MemberTable } from './member-table.ts'

/** A change of who is in the cluster. */
export type MemberChange =
  | {
      readonly type: 'add'
      readonly id: MemberId
      readonly peerAddresses: readonly string[]
      readonly isLearner: boolean
    }
  | { readonly type: 'remove'; readonly id: MemberId }
  /** Makes a learner a voter. */
  | { readonly type: 'promote'; readonly id: MemberId }
  /** Its peers reach it elsewhere. */
  | { readonly type: 'move'; readonly id: MemberId; readonly peerAddresses: readonly string[] }

/** What the leader knows when it is asked for a change. */
export interface ClusterView {
  readonly memberId: MemberId
  readonly table: MemberTable
  readonly progress: readonly ProgressStatus[]
  /** Undefined: not connected. Unit: ms. */
  readonly connectedMs: (member: MemberId) => number | undefined
  readonly learnersMax: number
  /** Whether changes that leave too few members running are refused. */
  readonly isStrict: boolean
}

/** A member counts as connected when it has been for so long. Unit: ms. */
const healthyMs = 5_000
/** A learner may vote when it has this much of the leader's log. */
const readyShare = 0.9

/**
 * Refuses what contradicts the present membership: on every member alike, since nothing else is asked.
 *
 * @throws NodeError `NODE_MEMBER_EXISTS`, `NODE_MEMBER_NOT_FOUND`, `NODE_MEMBER_REMOVED`,
 * `NODE_TOO_MANY_LEARNERS`, `NODE_MEMBER_NOT_LEARNER`, `NODE_NOT_ENOUGH_STARTED_MEMBERS` when nobody would vote
 */
export function requireConsistent(change: MemberChange, table: MemberTable, learnersMax: number): void {
  const member = table.get(change.id)
  if (table.wasRemoved(change.id)) {
    throw new NodeError('NODE_MEMBER_REMOVED', `member ${hex(change.id)} was removed earlier`)
  }
  if (change.type === 'add') {
    if (member !== undefined)
      throw new NodeError('NODE_MEMBER_EXISTS', `member ${hex(change.id)} is there already`)
    requireFree(change.peerAddresses, change.id, table)
    const learners = table.list().filter(({ isLearner }) => isLearner)
    if (change.isLearner && learners.length >= learnersMax) {
      throw new NodeError('NODE_TOO_MANY_LEARNERS', `there are ${learners.length} learners already`)
    }
    return
  }
  if (member === undefined) {
    throw new NodeError('NODE_MEMBER_NOT_FOUND', `there is no member ${hex(change.id)}`)
  }
  if (change.type === 'promote' && !member.isLearner) {
    throw new NodeError('NODE_MEMBER_NOT_LEARNER', `member ${hex(change.id)} is not a learner`)
  }
  const { voters } = table.membership
  if (change.type === 'remove' && voters.length === 1 && voters[0] === change.id) throw notEnoughStarted()
  if (change.type === 'move') requireFree(change.peerAddresses, change.id, table)
}

/**
 * Refuses what would put the cluster in danger. Source: etcd, `mayAddMember`, `mayRemoveMember`,
 * `mayPromoteMember`.
 *
 * @throws NodeError `NODE_NOT_ENOUGH_STARTED_MEMBERS`, `NODE_UNHEALTHY_CLUSTER`, `NODE_LEARNER_NOT_READY`
 */
export function requireSafe(change: MemberChange, view: ClusterView): void {
  if (change.type === 'promote') requireCaughtUp(change.id, view)
  if (!view.isStrict || change.type === 'move') return
  const voters = view.table.list().filter(({ isLearner }) => !isLearner)
  if (change.type === 'remove') requireRemovable(change.id, voters, view)
  else requireAddable(change, voters, view)
}

function requireAddable(
  change: Extract<MemberChange, { type: 'add' | 'promote' }>,
  voters: readonly Member[],
  view: ClusterView,
): void {
  const isVoter = change.type === 'promote' || !change.isLearner
  if (isVoter) {
    const started = voters.filter(isStarted).length + (change.type === 'promote' ? 1 : 0)
    const after = voters.length + 1
    // A cluster of one has to be able to grow: its second member cannot be up before it was added.
    if (started < majority(after) && !(started === 1 && after === 2)) throw notEnoughStarted()
  }
  // The new member may not come up: without it a majority must be left. A cluster of one has nobody to lose.
  const needed = voters.length === 1 ? 1 : majority(voters.length + (isVoter ? 1 : 0))
  if (connected(voters, view) < needed) throw unhealthy()
}

function requireRemovable(id: MemberId, voters: readonly Member[], view: ClusterView): void {
  const leaving = voters.find((voter) => voter.id === id)
  if (leaving === undefined) return
  const staying = voters.filter((voter) => voter.id !== id)
  if (staying.filter(isStarted).length < majority(staying.length)) throw notEnoughStarted()
  // One that is down anyway is no loss.
  if (id !== view.memberId && view.connectedMs(id) === undefined) return
  if (connected(staying, view) < majority(staying.length)) throw unhealthy()
}

function requireCaughtUp(id: MemberId, { progress, memberId }: ClusterView): void {
  const own = progress.find((one) => one.id === memberId)
  const learner = progress.find((one) => one.id === id)
  if (own === undefined || learner === undefined || learner.matchIndex < own.matchIndex * readyShare) {
    throw new NodeError('NODE_LEARNER_NOT_READY', `learner ${hex(id)} has not caught up with the leader yet`)
  }
}

function requireFree(addresses: readonly string[], id: MemberId, table: MemberTable): void {
  const holder = table.list().find((one) => one.peerAddresses.some((address) => addresses.includes(address)))
  if (holder === undefined || holder.id === id) return
  throw new NodeError('NODE_MEMBER_EXISTS', `member ${hex(holder.id)} has one of these addresses`)
}

function connected(members: readonly Member[], { memberId, connectedMs }: ClusterView): number {
  return members.filter(({ id }) => id === memberId || (connectedMs(id) ?? 0) >= healthyMs).length
}

function isStarted({ name }: Member): boolean {
  return name !== ''
}

function majority(count: number): number {
  return Math.floor(count / 2) + 1
}

function notEnoughStarted(): NodeError {
  return new NodeError(
    'NODE_NOT_ENOUGH_STARTED_MEMBERS',
    'too few of the voters that would be left have been started',
  )
}

function unhealthy(): NodeError {
  return new NodeError('NODE_UNHEALTHY_CLUSTER', 'too few members have been connected for long enough')
}

function hex(id: MemberId): string {
  return BigInt.asUintN(64, id).toString(16)
}
