import { invariant } from '@orrery/environment'
import type { Entry, MemberId, Raft } from '@orrery/raft'
import { CommittedQueue } from './committed-queue.ts'
import type { Committed } from './host.ts'
import { IndexWaiters } from './index-waiters.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { LogKeeper } from './log-keeper.ts'
import type { LogStorage } from './log-storage.ts'
import type { MembershipDesk } from './membership-desk.ts'
import { contentOf, headerOf, type NodeProposal } from './proposal.ts'
import type { ProposalFlow } from './proposal-flow.ts'
import type { Installing, Snapshots } from './snapshots.ts'

export interface ApplyingParts<P extends NodeProposal> {
  readonly memberId: MemberId
  readonly raft: Raft
  readonly storage: LogStorage
  readonly flow: ProposalFlow<P>
  readonly membership: MembershipDesk
  readonly snapshots: Snapshots
  readonly logKeeper: LogKeeper
  readonly lifecycle: Lifecycle
  /** What the host's state holds when the member starts. */
  readonly appliedIndex: number
  /** The core was told something. */
  readonly onChange: () => void
  /** An entry that removes this member was taken. */
  readonly onRemoval: () => void
}

/** The way of committed entries, and of snapshots, into the host's state. */
export class Applying<P extends NodeProposal> {
  readonly #parts: ApplyingParts<P>
  readonly #committed = new CommittedQueue()
  readonly #waiters: IndexWaiters

  constructor(parts: ApplyingParts<P>) {
    this.#parts = parts
    this.#waiters = new IndexWaiters(parts.appliedIndex)
  }

  /** The core handed out entries. */
  add(entries: readonly Entry[]): void {
    this.#committed.push(entries)
  }

  /** What the host is to apply next. */
  take(): Committed<P> | undefined {
    const { snapshots, lifecycle, logKeeper, flow, membership } = this.#parts
    if (snapshots.isInstalling || lifecycle.state === 'failed') return undefined
    const entry = this.#committed.shift()
    if (entry === undefined) return undefined
    logKeeper.applied(entry.index, entry.payload.length)
    const proposal = flow.take(entry)
    switch (entry.type) {
      case 'empty':
        membership.settle(entry)
        return { type: 'empty', index: entry.index, term: entry.term }
      case 'membership':
        return this.#takeMembership(entry)
      case 'command':
        return this.#takeCommand(entry, proposal)
    }
  }

  /** The host's state holds everything up to `index`. */
  applied(index: number): void {
    const { lifecycle, raft, onChange } = this.#parts
    lifecycle.guard(() => raft.applied(index))
    this.#waiters.release(index)
    this.#compact()
    onChange()
  }

  /** The log need not keep what is up to `index`. */
  release(index: number): void {
    this.#parts.logKeeper.release(index)
    this.#compact()
  }

  /** A state is about to take the place of the present one: resolves when it has. */
  async install({ snapshot, members, done }: Installing): Promise<void> {
    const { flow, membership, lifecycle, logKeeper } = this.#parts
    this.#committed.clear()
    flow.installed(snapshot)
    membership.installed(members)
    await done
    if (lifecycle.hasEnded) return
    membership.connect()
    logKeeper.release(snapshot.index)
    this.applied(snapshot.index)
  }

  /** Resolves when everything up to `index` is applied. */
  wait(waiter: Parameters<IndexWaiters['add']>[0]): void {
    this.#waiters.add(waiter)
  }

  expire(nowMs: number): void {
    this.#waiters.expire(nowMs)
  }

  rejectAll(error: Error): void {
    this.#waiters.rejectAll(error)
  }

  #takeCommand(entry: Entry, proposal: P | undefined): Committed<P> {
    const { membership } = this.#parts
    const header = headerOf(entry.payload)
    invariant(header !== undefined, 'every command in the log was written by a member')
    if (header.kind === 'member') return membership.takeUpdate(entry)
    membership.settle(entry)
    return new CommittedCommand(entry, proposal)
  }

  #takeMembership(entry: Entry): Committed<P> {
    const { membership, memberId, onRemoval } = this.#parts
    const wasRemoved = membership.table.wasRemoved(memberId)
    const committed = membership.takeMembership(entry)
    if (membership.table.wasRemoved(memberId) && !wasRemoved) onRemoval()
    return committed
  }

  #compact(): void {
    const { raft, storage, logKeeper, lifecycle } = this.#parts
    if (lifecycle.hasEnded) return
    const index = logKeeper.due(raft.firstIndex, raft.appliedIndex)
    const term = index === undefined ? undefined : raft.termAt(index)
    if (index === undefined || term === undefined) return
    lifecycle.guard(() => {
      raft.compact(index)
      storage.compact(index, term)
    })
  }
}

/** Its content is cut out only when somebody asks: who proposed it knows it. */
class CommittedCommand<P extends NodeProposal> {
  readonly type = 'command'
  readonly index: number
  readonly term: number
  readonly proposal: P | undefined
  readonly #payload: Uint8Array

  constructor({ index, term, payload }: Entry, proposal: P | undefined) {
    this.index = index
    this.term = term
    this.proposal = proposal
    this.#payload = payload
  }

  get content(): Uint8Array {
    return contentOf(this.#payload)
  }
}
