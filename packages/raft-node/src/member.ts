import { invariant, type Timer } from '@orrery/environment'
import {
  createRaft,
  type Entry,
  type MemberId,
  type Message,
  type Raft,
  type RaftStatus,
  type Ready,
} from '@orrery/raft'
import type { ClusterMembers } from './administration.ts'
import { NodeError } from './errors.ts'
import type { Committed } from './host.ts'
import { IndexWaiters } from './index-waiters.ts'
import { LogKeeper } from './log-keeper.ts'
import type { Member as MemberRecord, MemberAttributes } from './member-table.ts'
import { MembershipDesk } from './membership-desk.ts'
import type { MemberChange } from './membership-rules.ts'
import type { NodeOptions } from './options.ts'
import type { PeerIdentity, TransportHandler } from './ports.ts'
import { contentOf, headerOf, type NodeProposal } from './proposal.ts'
import { ProposalFlow } from './proposal-flow.ts'
import { NodeRequests } from './node-requests.ts'
import type { NodeParts, RaftNode, WaitOptions } from './raft-node.ts'
import { ReadDesk } from './read-desk.ts'
import { RemovalWatch } from './removal-watch.ts'
import { Snapshots } from './snapshots.ts'
import { Ticker } from './ticker.ts'
import { withSignal } from './with-signal.ts'

/** How long a question to the leader may be without an answer before it is asked again. Unit: ms. */
const askAgainMs = 500

/** The member behind {@link RaftNode}. */
export class Member<P extends NodeProposal> implements RaftNode<P> {
  readonly identity: PeerIdentity
  readonly #parts: NodeParts
  readonly #options: Required<NodeOptions>
  readonly #raft: Raft
  readonly #flow: ProposalFlow<P>
  readonly #requests: NodeRequests
  readonly #reads: ReadDesk
  readonly #appliedWaiters = new IndexWaiters()
  readonly #logKeeper: LogKeeper
  readonly #snapshots: Snapshots
  readonly #membership: MembershipDesk
  readonly #removalWatch: RemovalWatch
  readonly #ticker: Ticker
  /** Committed entries that were not taken yet. */
  #committed: Entry[] = []
  #committedHead = 0
  #isPumpScheduled = false
  #leadership = { term: 0, leaderId: 0n, isLeader: false }
  #ending: { readonly state: 'removed' | 'failed' | 'closed'; readonly error: NodeError } | undefined
  /** Ends a member that was removed. */
  #removal: Timer | undefined
  #closed: Promise<void> | undefined

  constructor(parts: NodeParts, options: Required<NodeOptions>) {
    const { environment, identity } = parts
    const { clock, random } = environment
    this.identity = identity
    this.#parts = parts
    this.#options = options
    this.#raft = createRaft(
      { id: identity.memberId, start: parts.start, random: (bound) => random.below(bound) },
      {
        ...options.raft,
        heartbeatTicks: 1,
        electionTimeoutTicks: Math.round(options.electionTimeoutMs / options.heartbeatIntervalMs),
        // Forwarding is bound to terms here, so that nothing takes effect twice.
        forwardsProposals: false,
      },
    )
    this.#flow = new ProposalFlow({
      memberId: identity.memberId,
      raft: this.#raft,
      transport: parts.transport,
      session: random.id63(),
      options,
    })
    this.#requests = new NodeRequests({
      memberId: identity.memberId,
      raft: this.#raft,
      transport: parts.transport,
      host: parts.host,
      requestTimeoutMs: options.requestTimeoutMs,
      nowMs: () => clock.nowMs(),
      carryOut: (request) => this.#membership.carryOut(request),
    })
    // Contexts of an earlier life of this member are as good as never among these.
    this.#reads = new ReadDesk(random.below(2 ** 32) * 2 ** 20 + 1)
    this.#logKeeper = new LogKeeper(options)
    this.#membership = new MembershipDesk({
      environment,
      identity,
      raft: this.#raft,
      transport: parts.transport,
      table: parts.members,
      contacts: parts.contacts ?? [],
      options,
      onChange: () => this.#schedulePump(),
      barrier: () => this.readBarrier(),
    })
    this.#snapshots = new Snapshots({
      raft: this.#raft,
      transport: parts.transport,
      host: parts.host,
      logger: environment.logger,
      members: () => this.#membership.table,
      hold: (index) => this.#logKeeper.hold(index),
      onChange: () => this.#schedulePump(),
    })
    this.#removalWatch = new RemovalWatch({
      transport: parts.transport,
      peers: () => this.#membership.peers.map(({ id }) => id),
      electionTimeoutMs: options.electionTimeoutMs,
      onRemoved: () => this.#endRemoved(),
    })
    this.#ticker = new Ticker({ clock, tickMs: options.heartbeatIntervalMs, tick: () => this.#tick() })
    parts.storage.onDurable = (number) => this.#guard(() => this.#persisted(number))
    parts.storage.onFailure = (error) => this.#fail(error)
  }

  get state(): RaftNode<P>['state'] {
    return this.#ending?.state ?? 'running'
  }

  status(): RaftStatus {
    return this.#raft.status()
  }

  members(): readonly MemberRecord[] {
    return this.#membership.table.list()
  }

  connectedMs(member: MemberId): number | undefined {
    return this.#parts.transport.connectedMs(member)
  }

  async start(): Promise<void> {
    await this.#parts.transport.start(this.identity, this.#handler())
    this.#membership.connect()
    this.#ticker.start()
    this.#schedulePump()
  }

  campaign(): void {
    this.#guard(() => this.#raft.campaign())
    this.#schedulePump()
  }

  propose(proposal: P): void {
    this.#requireRunning()
    this.#flow.add(proposal, this.#nowMs())
    this.#schedulePump()
  }

  take(): Committed<P> | undefined {
    if (this.#snapshots.isInstalling || this.#ending?.state === 'failed') return undefined
    const entry = this.#committed[this.#committedHead]
    if (entry === undefined) return undefined
    this.#committedHead++
    if (this.#committedHead === this.#committed.length) {
      this.#committed = []
      this.#committedHead = 0
    }
    this.#logKeeper.applied(entry.index, entry.payload.length)
    const proposal = this.#flow.take(entry)
    switch (entry.type) {
      case 'empty':
        this.#membership.settle(entry)
        return { type: 'empty', index: entry.index, term: entry.term }
      case 'membership':
        return this.#takeMembership(entry)
      case 'command':
        return this.#takeCommand(entry, proposal)
    }
  }

  applied(index: number): void {
    this.#guard(() => this.#raft.applied(index))
    this.#appliedWaiters.release(index)
    this.#compact()
    this.#schedulePump()
  }

  release(index: number): void {
    this.#logKeeper.release(index)
    this.#compact()
  }

  async readBarrier({ signal }: WaitOptions = {}): Promise<void> {
    this.#requireRunning()
    signal?.throwIfAborted()
    const expiresMs = this.#nowMs() + this.#options.requestTimeoutMs
    const index = await withSignal<number>(signal, (resolve, reject) => {
      this.#reads.add({ expiresMs, resolve, reject })
      this.#schedulePump()
    })
    await withSignal<unknown>(signal, (resolve, reject) =>
      this.#appliedWaiters.add(index, { resolve, reject }),
    )
  }

  async changeMembers(change: MemberChange, options?: WaitOptions): Promise<ClusterMembers> {
    this.#requireRunning()
    return await this.#requests.askLeader({ type: 'change', change }, options)
  }

  async publish(attributes: Omit<MemberAttributes, 'directoryId'>, options?: WaitOptions): Promise<void> {
    const { memberId, directoryId } = this.identity
    this.#requireRunning()
    await this.#requests.askLeader(
      { type: 'update', update: { id: memberId, change: { ...attributes, directoryId } } },
      options,
    )
  }

  async transferLeadership(target: MemberId, options?: WaitOptions): Promise<void> {
    this.#requireRunning()
    await this.#membership.transferLeadership(target, options)
  }

  async request(to: MemberId | 'leader', request: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    this.#requireRunning()
    return await this.#requests.askHost(to, request, options)
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#end('closed', new NodeError('NODE_CLOSED', 'the member is closed'))
    await this.#parts.transport.close()
    await this.#parts.storage.close()
  }

  #handler(): TransportHandler {
    return {
      onMessages: (messages) => this.#guard(() => this.#received(messages)),
      onUnreachable: (peer) => this.#guard(() => this.#raft.reportUnreachable(peer)),
      onSnapshot: (snapshot) => this.#snapshots.receive(snapshot),
      onRequest: (from, request) => this.#answer(from, request),
      accepts: (peer) => this.#membership.refusalOf(peer),
    }
  }

  #received(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.type === 'propose') this.#flow.receive(message)
      else this.#raft.step(message)
    }
    this.#schedulePump()
  }

  #tick(): void {
    const nowMs = this.#nowMs()
    this.#guard(() => this.#raft.tick())
    this.#flow.tick(nowMs)
    this.#requests.expire(nowMs)
    this.#reads.expire(nowMs)
    this.#reads.retry(nowMs - askAgainMs)
    this.#membership.expire(nowMs)
    this.#campaignAlone()
    this.#removalWatch.tick(nowMs, this.#raft.leaderId !== 0n)
    this.#schedulePump()
  }

  /** Nobody else could be asked: there is nothing to wait for. */
  #campaignAlone(): void {
    const { voters, outgoingVoters } = this.#raft.membership
    if (this.#raft.role !== 'follower' || outgoingVoters.length > 0) return
    if (voters.length === 1 && voters[0] === this.identity.memberId) this.#guard(() => this.#raft.campaign())
  }

  #schedulePump(): void {
    if (this.#isPumpScheduled || this.#ending !== undefined) return
    this.#isPumpScheduled = true
    queueMicrotask(() => {
      this.#isPumpScheduled = false
      this.#guard(() => this.#pump())
    })
  }

  /** Gives the core what came in, and carries out what it asks for, until it asks for nothing. */
  #pump(): void {
    for (;;) {
      if (this.#ending !== undefined) return
      this.#flow.flush(this.#nowMs())
      this.#askForReads()
      const ready = this.#raft.ready()
      if (ready === undefined) break
      this.#handle(ready)
    }
    this.#noticeLeadership()
  }

  #askForReads(): void {
    if (!this.#reads.hasWaiting || this.#raft.leaderId === 0n) return
    const context = this.#reads.ask(this.#nowMs())
    if (!this.#raft.readIndex(context).ok) this.#reads.dropped(context)
  }

  #handle(ready: Ready): void {
    if (ready.entries.length > 0 || ready.hardState !== undefined || ready.snapshot !== undefined) {
      this.#parts.storage.append(ready, this.#snapshots.nameOf(ready.snapshot, ready.number))
    }
    const messages: Message[] = []
    for (const message of ready.messages) {
      if (message.type === 'snapshot') this.#snapshots.send(message)
      else messages.push(message)
    }
    if (messages.length > 0) this.#parts.transport.send(messages)
    for (const read of ready.reads) this.#reads.answered(read)
    for (const context of ready.droppedReads) this.#reads.dropped(context)
    if (ready.committed.length > 0) {
      this.#committed =
        this.#committedHead === 0 ? this.#committed : this.#committed.slice(this.#committedHead)
      this.#committedHead = 0
      for (const entry of ready.committed) this.#committed.push(entry)
      this.#parts.host.onCommitted()
    }
  }

  #persisted(number: number): void {
    const installing = this.#snapshots.persisted(number)
    this.#raft.persisted(number)
    this.#schedulePump()
    if (installing === undefined) return
    const { snapshot, members } = installing
    this.#committed = []
    this.#committedHead = 0
    this.#flow.installed(snapshot)
    this.#membership.installed(members)
    installing.done.then(
      () => {
        this.#membership.connect()
        this.#logKeeper.release(snapshot.index)
        this.applied(snapshot.index)
        this.#parts.host.onCommitted()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  #takeCommand(entry: Entry, proposal: P | undefined): Committed<P> {
    const { index, term, payload } = entry
    const header = headerOf(payload)
    invariant(header !== undefined, 'every command in the log was written by a member')
    if (header.kind === 'member') return this.#membership.takeUpdate(entry)
    this.#membership.settle(entry)
    return { type: 'command', index, term, content: contentOf(payload), proposal }
  }

  #takeMembership(entry: Entry): Committed<P> {
    const { memberId } = this.identity
    const wasRemoved = this.#membership.table.wasRemoved(memberId)
    const committed = this.#membership.takeMembership(entry)
    if (this.#membership.table.wasRemoved(memberId) && !wasRemoved) this.#removed()
    return committed
  }

  /** A member that was removed may still have to tell the others that the entry is committed. */
  #removed(): void {
    const { clock } = this.#parts.environment
    this.#removal = clock.setTimer(this.#options.electionTimeoutMs, () => this.#endRemoved())
  }

  #endRemoved(): void {
    if (this.#ending !== undefined) return
    this.#end('removed', new NodeError('NODE_REMOVED', 'this member was removed from the cluster'))
    this.#parts.host.onRemoved()
  }

  #noticeLeadership(): void {
    const { term, leaderId, role } = this.#raft
    const isLeader = role === 'leader'
    const known = this.#leadership
    if (known.term === term && known.leaderId === leaderId && known.isLeader === isLeader) return
    this.#leadership = { term, leaderId, isLeader }
    if (!isLeader)
      this.#membership.rejectAll(new NodeError('NODE_NOT_LEADER', 'this member does not lead any more'))
    if (leaderId !== 0n) {
      this.#requests.leaderKnown()
      this.#reads.retry(-Infinity)
      this.#schedulePump()
    }
    this.#parts.host.onLeadership(this.#leadership)
  }

  #compact(): void {
    const { firstIndex, appliedIndex } = this.#raft
    const index = this.#logKeeper.due(firstIndex, appliedIndex)
    if (index === undefined || this.#ending !== undefined) return
    const term = this.#raft.termAt(index)
    if (term === undefined) return
    this.#guard(() => this.#raft.compact(index))
    this.#parts.storage.compact(index, term)
  }

  async #answer(from: MemberId, request: Uint8Array): Promise<Uint8Array> {
    this.#requireRunning()
    return await this.#requests.answer(from, request)
  }

  /** A broken invariant, of the core or of this member, is the end: its state cannot be trusted. */
  #guard(run: () => void): void {
    if (this.#ending !== undefined) return
    try {
      run()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(cause: unknown): void {
    if (this.#ending?.state === 'failed' || this.#ending?.state === 'closed') return
    const message = cause instanceof Error ? cause.message : String(cause)
    const error = new NodeError('NODE_FAILED', `the member has failed: ${message}`, { cause })
    this.#parts.environment.logger.error('the member has failed', { error: cause })
    this.#end('failed', error)
    this.#parts.host.onFailure(error)
  }

  #end(state: 'removed' | 'failed' | 'closed', error: NodeError): void {
    this.#ending = { state, error }
    this.#ticker.stop()
    this.#snapshots.stop()
    this.#flow.rejectAll(error)
    this.#requests.rejectAll(error)
    this.#removal?.cancel()
    this.#reads.rejectAll(error)
    this.#appliedWaiters.rejectAll(error)
    this.#membership.rejectAll(error)
    if (state !== 'closed') void this.#parts.transport.close().catch(() => {})
  }

  #requireRunning(): void {
    if (this.#ending !== undefined) throw this.#ending.error
  }

  #nowMs(): number {
    return this.#parts.environment.clock.nowMs()
  }
}
