import type { Timer } from '@orrery/environment'
import { createRaft, type MemberId, type Message, type Raft, type RaftStatus, type Ready } from '@orrery/raft'
import type { ClusterMembers } from './administration.ts'
import { Applying } from './applying.ts'
import { NodeError } from './errors.ts'
import type { Committed } from './host.ts'
import { type EndState, Lifecycle } from './lifecycle.ts'
import { LogKeeper } from './log-keeper.ts'
import type { Member as MemberRecord, MemberAttributes } from './member-table.ts'
import { MembershipDesk } from './membership-desk.ts'
import type { MemberChange } from './membership-rules.ts'
import type { NodeOptions } from './options.ts'
import type { IncomingSnapshot, PeerIdentity, TransportHandler } from './ports.ts'
import type { NodeProposal } from './proposal.ts'
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
  readonly #snapshots: Snapshots
  readonly #membership: MembershipDesk
  readonly #removalWatch: RemovalWatch
  readonly #applying: Applying<P>
  readonly #ticker: Ticker
  readonly #lifecycle: Lifecycle
  #isPumpScheduled = false
  #leadership = { term: 0, leaderId: 0n, isLeader: false }
  /** Ends a member that was removed. */
  #removal: Timer | undefined
  #closed: Promise<void> | undefined

  constructor(parts: NodeParts, options: Required<NodeOptions>) {
    const { environment, identity } = parts
    const { clock, random } = environment
    this.identity = identity
    this.#parts = parts
    this.#options = options
    this.#lifecycle = new Lifecycle({ onEnd: (state, error) => this.#ended(state, error) })
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
    const logKeeper = new LogKeeper(options)
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
      memberId: identity.memberId,
      raft: this.#raft,
      transport: parts.transport,
      host: parts.host,
      logger: environment.logger,
      lifecycle: this.#lifecycle,
      members: () => this.#membership.table,
      hold: (index) => logKeeper.hold(index),
      onChange: () => this.#schedulePump(),
    })
    this.#applying = new Applying({
      memberId: identity.memberId,
      raft: this.#raft,
      storage: parts.storage,
      flow: this.#flow,
      membership: this.#membership,
      snapshots: this.#snapshots,
      logKeeper,
      lifecycle: this.#lifecycle,
      appliedIndex: parts.start.appliedIndex,
      onChange: () => this.#schedulePump(),
      onRemoval: () => this.#removeLater(),
    })
    this.#removalWatch = new RemovalWatch({
      transport: parts.transport,
      peers: () => this.#membership.peers.map(({ id }) => id),
      electionTimeoutMs: options.electionTimeoutMs,
      onRemoved: () => this.#lifecycle.remove(),
      onRefused: (reason) => this.#lifecycle.refuse(reason),
    })
    this.#ticker = new Ticker({ clock, tickMs: options.heartbeatIntervalMs, tick: () => this.#tick() })
    parts.storage.onDurable = (number) => this.#guard(() => this.#persisted(number))
    parts.storage.onFailure = (error) => this.#lifecycle.fail(error)
  }

  get state(): RaftNode<P>['state'] {
    return this.#lifecycle.state
  }

  get term(): number {
    return this.#raft.term
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
    this.#lifecycle.requireRunning()
    this.#flow.add(proposal, this.#nowMs())
    this.#schedulePump()
  }

  take(): Committed<P> | undefined {
    return this.#applying.take()
  }

  applied(index: number): void {
    this.#applying.applied(index)
  }

  release(index: number): void {
    this.#applying.release(index)
  }

  async readBarrier({ signal }: WaitOptions = {}): Promise<void> {
    this.#lifecycle.requireRunning()
    signal?.throwIfAborted()
    const expiresMs = this.#nowMs() + this.#options.requestTimeoutMs
    const index = await withSignal<number>(signal, (resolve, reject) => {
      this.#reads.add({ expiresMs, resolve, reject })
      this.#schedulePump()
    })
    await withSignal<unknown>(signal, (resolve, reject) =>
      this.#applying.wait({ index, expiresMs, resolve, reject }),
    )
  }

  async changeMembers(change: MemberChange, options?: WaitOptions): Promise<ClusterMembers> {
    this.#lifecycle.requireRunning()
    return await this.#requests.askLeader({ type: 'change', change }, options)
  }

  async publish(attributes: Omit<MemberAttributes, 'directoryId'>, options?: WaitOptions): Promise<void> {
    const { memberId, directoryId } = this.identity
    this.#lifecycle.requireRunning()
    await this.#requests.askLeader(
      { type: 'update', update: { id: memberId, change: { ...attributes, directoryId } } },
      options,
    )
  }

  async transferLeadership(target: MemberId | 'any', options?: WaitOptions): Promise<void> {
    this.#lifecycle.requireRunning()
    await this.#membership.transferLeadership(target, options)
  }

  async request(to: MemberId | 'leader', request: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    this.#lifecycle.requireRunning()
    return await this.#requests.askHost(to, request, options)
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#lifecycle.close()
    await this.#parts.transport.close()
    await this.#parts.storage.close()
  }

  #handler(): TransportHandler {
    return {
      onMessages: (messages) => this.#guard(() => this.#received(messages)),
      onUnreachable: (peer) => this.#guard(() => this.#raft.reportUnreachable(peer)),
      onSnapshot: (snapshot) => this.#receiveSnapshot(snapshot),
      onRequest: (from, request) => this.#answer(from, request),
      accepts: (peer) => this.#membership.refusalOf(peer),
    }
  }

  #received(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.type === 'propose') this.#flow.receive(message)
      // A snapshot comes with its state, in a way of its own.
      else if (message.type !== 'snapshot') this.#raft.step(message)
    }
    this.#schedulePump()
  }

  #tick(): void {
    const nowMs = this.#nowMs()
    this.#guard(() => this.#raft.tick())
    if (this.#lifecycle.hasEnded) return
    this.#flow.tick(nowMs)
    this.#requests.expire(nowMs)
    this.#reads.expire(nowMs)
    this.#reads.retry(nowMs - askAgainMs)
    this.#membership.expire(nowMs)
    this.#applying.expire(nowMs)
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
    if (this.#isPumpScheduled || this.#lifecycle.hasEnded) return
    this.#isPumpScheduled = true
    queueMicrotask(() => {
      this.#isPumpScheduled = false
      this.#guard(() => this.#pump())
    })
  }

  /** Gives the core what came in, and carries out what it asks for, until it asks for nothing. */
  #pump(): void {
    for (;;) {
      if (this.#lifecycle.hasEnded) return
      this.#campaignAlone()
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
      this.#applying.add(ready.committed)
      this.#parts.host.onCommitted()
    }
  }

  #persisted(number: number): void {
    const installing = this.#snapshots.persisted(number)
    this.#raft.persisted(number)
    this.#schedulePump()
    if (installing === undefined) return
    this.#applying.install(installing).then(
      () => {
        if (!this.#lifecycle.hasEnded) this.#parts.host.onCommitted()
      },
      (error: unknown) => this.#lifecycle.fail(error),
    )
  }

  async #receiveSnapshot(snapshot: IncomingSnapshot): Promise<void> {
    this.#lifecycle.requireRunning()
    await this.#snapshots.receive(snapshot)
  }

  /** A member that was removed may still have to tell the others that the entry is committed. */
  #removeLater(): void {
    const { clock } = this.#parts.environment
    this.#removal = clock.setTimer(this.#options.electionTimeoutMs, () => this.#lifecycle.remove())
  }

  #noticeLeadership(): void {
    const { term, leaderId, role } = this.#raft
    const isLeader = role === 'leader'
    const known = this.#leadership
    if (known.term === term && known.leaderId === leaderId && known.isLeader === isLeader) return
    this.#leadership = { term, leaderId, isLeader }
    if (!isLeader)
      this.#membership.rejectChanges(new NodeError('NODE_NOT_LEADER', 'this member does not lead any more'))
    if (leaderId !== 0n) {
      this.#membership.led(leaderId)
      this.#requests.leaderKnown()
      this.#reads.retry(-Infinity)
      this.#schedulePump()
    }
    this.#parts.host.onLeadership(this.#leadership)
  }

  async #answer(from: MemberId, request: Uint8Array): Promise<Uint8Array> {
    this.#lifecycle.requireRunning()
    return await this.#requests.answer(from, request)
  }

  #guard(run: () => void): void {
    this.#lifecycle.guard(run)
  }

  /** Answers everybody who waits. */
  #ended(state: EndState, error: NodeError): void {
    this.#removal?.cancel()
    this.#ticker.stop()
    this.#snapshots.stop(error)
    for (const part of [this.#flow, this.#requests, this.#reads, this.#applying]) part.rejectAll(error)
    this.#membership.close(error)
    if (state === 'closed') return
    const { transport, host, environment } = this.#parts
    void transport.close().catch(() => {})
    if (state === 'removed') {
      host.onRemoved()
      return
    }
    environment.logger.error('the member has failed', { error: error.cause ?? error })
    host.onFailure(error)
  }

  #nowMs(): number {
    return this.#parts.environment.clock.nowMs()
  }
}
