import { createRandom, type Environment, silentLogger } from '@orrery/environment'
import { createManualClock, type ManualClock } from '@orrery/environment/testing'
import { createSimulatedDisk, type SimulatedDisk } from '@orrery/wal/testing'
import { proposalHeadroomBytes } from '../src/proposal.ts'
import {
  createMemoryNetwork,
  createRaftNode,
  fetchMembers,
  initialIds,
  initialStart,
  joiningStart,
  type Member,
  MemberTable,
  type MemoryNetwork,
  type NodeHost,
  type NodeOptions,
  type NodeProposal,
  openWalLogStorage,
  persistStart,
  placeFor,
  type RaftNode,
  restartFrom,
} from '../src/index.ts'

interface Write extends NodeProposal {
  readonly resolve: (index: number) => void
}

/** A state that survives its process only as far as it was saved. */
interface Saved {
  index: number
  term: number
  members: Uint8Array | undefined
  texts: string[]
}

/** A member whose state is a list of texts. Its disk and what it saved outlive it. */
export class TrialMember implements NodeHost {
  readonly name: string
  node!: RaftNode<Write>
  disk: SimulatedDisk = createSimulatedDisk()
  texts: string[] = []
  saved: Saved = { index: 0, term: 0, members: undefined, texts: [] }
  removed = 0
  failures: Error[] = []
  installed = 0
  #index = 0
  #term = 0
  #members: Uint8Array | undefined
  #received: Saved | undefined

  constructor(name: string) {
    this.name = name
  }

  /** What a crash keeps. */
  save(): void {
    this.saved = { index: this.#index, term: this.#term, members: this.#members, texts: [...this.texts] }
    this.node.release(this.#index)
  }

  restore(): void {
    const { index, term, members, texts } = this.saved
    this.#index = index
    this.#term = term
    this.#members = members
    this.texts = [...texts]
  }

  write(text: string, options: { readonly isLeaderOnly?: boolean } = {}): Promise<number> {
    return new Promise((resolve, reject) => {
      const payload = Buffer.concat([Buffer.alloc(proposalHeadroomBytes), Buffer.from(text)])
      this.node.propose({ payload, resolve, reject, ...options })
    })
  }

  onCommitted(): void {
    for (;;) {
      const next = this.node.take()
      if (next === undefined) break
      this.#index = next.index
      this.#term = next.term
      if (next.type === 'members') this.#members = next.members
      if (next.type === 'command') {
        this.texts.push(Buffer.from(next.content).toString())
        next.proposal?.resolve(next.index)
      }
      this.node.applied(next.index)
    }
  }

  onLeadership(): void {}

  readState(): { index: number; content: AsyncIterable<Uint8Array> } {
    const bytes = Buffer.from(JSON.stringify(this.texts))
    async function* content(): AsyncGenerator<Uint8Array> {
      await Promise.resolve()
      for (let at = 0; at < bytes.length; at += 64) yield bytes.subarray(at, at + 64)
    }
    return { index: this.#index, content: content() }
  }

  async receiveState(
    content: AsyncIterable<Uint8Array>,
    standing: { index: number; term: number; members: Uint8Array },
  ): Promise<string> {
    const chunks: Uint8Array[] = []
    for await (const chunk of content) chunks.push(chunk.slice())
    this.#received = { ...standing, texts: JSON.parse(Buffer.concat(chunks).toString()) as string[] }
    return 'received'
  }

  installState(): Promise<void> {
    this.installed++
    this.saved = this.#received ?? this.saved
    this.restore()
    return Promise.resolve()
  }

  discardState(): void {
    this.#received = undefined
  }

  onRequest(_: bigint, request: Uint8Array): Promise<Uint8Array> {
    return Promise.resolve(Buffer.concat([Buffer.from(`${this.name} heard `), request]))
  }

  onRemoved(): void {
    this.removed++
  }

  onFailure(error: Error): void {
    this.failures.push(error)
  }
}

/** Members of one process under one clock. */
export class TrialCluster {
  readonly clock: ManualClock = createManualClock()
  readonly network: MemoryNetwork
  readonly members = new Map<string, TrialMember>()
  readonly #options: NodeOptions
  readonly #environment: Environment
  readonly #initial: readonly string[]

  constructor(names: readonly string[], options: NodeOptions = {}, seed = 1) {
    this.#environment = { clock: this.clock, random: createRandom(seed), logger: silentLogger }
    this.network = createMemoryNetwork({ clock: this.clock }, { usesWireFormat: true })
    this.#options = options
    this.#initial = names
  }

  /** Starts the initial members. */
  async begin(): Promise<void> {
    for (const name of this.#initial) await this.start(name)
  }

  member(name: string): TrialMember {
    const member = this.members.get(name)
    if (member === undefined) throw new Error(`there is no member ${name}`)
    return member
  }

  idOf(name: string): bigint {
    return this.member(name).node.identity.memberId
  }

  get leader(): TrialMember | undefined {
    const leaders = [...this.members.values()]
      .filter(({ node }) => node.state === 'running' && node.status().role === 'leader')
      .sort((a, b) => b.node.status().term - a.node.status().term)
    return leaders[0]
  }

  /** Starts a member: for the first time, or with what it had saved. */
  async start(name: string, contacts?: readonly string[]): Promise<TrialMember> {
    const member = this.members.get(name) ?? new TrialMember(name)
    this.members.set(name, member)
    const initial = { members: this.#initial.map((one) => [one]), token: 'trial' }
    const found = contacts === undefined ? undefined : await this.#find(name, contacts)
    const ids = initialIds(initial)
    const clusterId = found?.clusterId ?? ids.clusterId
    const memberId = found?.place.id ?? ids.memberIds[this.#initial.indexOf(name)] ?? 0n
    const directoryId = this.#environment.random.id63()
    const metadata = Buffer.alloc(24)
    metadata.writeBigUInt64LE(clusterId, 0)
    metadata.writeBigUInt64LE(memberId, 8)
    metadata.writeBigUInt64LE(directoryId, 16)
    const storage = await openWalLogStorage({
      disk: member.disk,
      directory: '/log',
      environment: this.#environment,
      metadata,
    })
    const stored = Buffer.from(storage.metadata)
    const identity = {
      clusterId: stored.readBigUInt64LE(0),
      memberId: stored.readBigUInt64LE(8),
      directoryId: stored.readBigUInt64LE(16),
    }
    let start = found === undefined ? initialStart(initial) : joiningStart()
    let members = new MemberTable(start.membership)
    if (storage.stored.hardState !== undefined) {
      ;({ start, members } = restartFrom(storage.stored, member.saved, identity.memberId))
      member.restore()
    } else {
      await persistStart(storage, start)
    }
    member.node = createRaftNode<Write>(
      {
        environment: this.#environment,
        identity,
        transport: this.network.transport(name),
        storage,
        start,
        members,
        host: member,
        contacts: found?.members ?? [],
      },
      this.#options,
    )
    await member.node.start()
    return member
  }

  /** A loss of power: what was not synced, or not saved, is gone. */
  async crash(name: string): Promise<void> {
    const member = this.member(name)
    const disk = member.disk
    await member.node.close().catch(() => {})
    member.disk = disk.crash({ type: 'nothing' })
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 10) {
      this.clock.advance(Math.min(10, left))
      await this.settle()
    }
  }

  /** Lets everybody finish what needs no time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 4; i++) {
      await new Promise(setImmediate)
      this.clock.runDeferred()
    }
  }

  /** Waits, in the time of the cluster, for what happens there. */
  async until<T>(promise: Promise<T>, maxMs = 30_000): Promise<T> {
    const state = { isOver: false }
    const end = (): void => {
      state.isOver = true
    }
    promise.then(end, end)
    for (let ms = 0; ms < maxMs; ms += 10) {
      await this.settle()
      if (state.isOver) return await promise
      this.clock.advance(10)
    }
    throw new Error('nothing happened')
  }

  async untilTrue(condition: () => boolean, maxMs = 30_000): Promise<void> {
    for (let ms = 0; ms < maxMs; ms += 10) {
      await this.settle()
      if (condition()) return
      this.clock.advance(10)
    }
    throw new Error('it did not become true')
  }

  async untilLeader(): Promise<TrialMember> {
    await this.untilTrue(() => this.leader !== undefined)
    return this.leader as TrialMember
  }

  async close(): Promise<void> {
    for (const { node } of this.members.values()) await node.close().catch(() => {})
    await this.network.close()
  }

  async #find(
    name: string,
    contacts: readonly string[],
  ): Promise<{ clusterId: bigint; place: Member; members: readonly Member[] }> {
    const transport = this.network.transport(`${name}-asks`)
    await transport.start(
      { clusterId: 0n, memberId: 0n, directoryId: 0n },
      {
        onMessages: () => {},
        onUnreachable: () => {},
        onSnapshot: () => Promise.reject(new Error('not a member')),
        onRequest: () => Promise.reject(new Error('not a member')),
        accepts: () => undefined,
      },
    )
    try {
      const cluster = await this.until(fetchMembers(transport, contacts))
      return { clusterId: cluster.clusterId, place: placeFor([name], cluster), members: cluster.members }
    } finally {
      await transport.close()
    }
  }
}
