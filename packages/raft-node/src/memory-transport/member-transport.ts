import { invariant } from '@orrery/environment'
import type { MemberId, Message } from '@orrery/raft'
import type {
  IncomingSnapshot,
  OutgoingSnapshot,
  Peer,
  PeerIdentity,
  Transport,
  TransportHandler,
} from '../ports.ts'
import { TransportError } from '../transport-error.ts'
import { Conversation, type OpenConversation } from './conversation.ts'
import { Link } from './link.ts'
import { SnapshotPipe } from './snapshot-pipe.ts'
import type { Wires } from './wires.ts'

type State = 'new' | 'started' | 'closed'

interface SignalOptions {
  readonly signal?: AbortSignal
}

/** One member's end of the network. */
export class MemoryTransport implements Transport {
  readonly address: string
  /** Links that deliver to this member. */
  readonly incoming = new Set<Link>()
  /** Requests and snapshots that this member asks or answers. */
  readonly conversations = new Set<OpenConversation>()
  readonly #wires: Wires
  readonly #links = new Map<MemberId, Link>()
  #unreachable = new Set<MemberId>()
  #requests = 0
  #state: State = 'new'
  #self: { readonly identity: PeerIdentity; readonly handler: TransportHandler } | undefined
  #closed: Promise<void> | undefined

  constructor(wires: Wires, address: string) {
    this.#wires = wires
    this.address = address
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- what fails is a rejection, as on any transport
  async start(identity: PeerIdentity, handler: TransportHandler): Promise<void> {
    this.#requireOpen()
    invariant(this.#state === 'new', 'a transport is started once')
    this.#wires.join(this)
    this.#state = 'started'
    this.#self = { identity, handler }
    this.#links.get(identity.memberId)?.remove()
    this.#links.delete(identity.memberId)
  }

  setPeers(peers: readonly Peer[]): void {
    if (this.isClosed) return
    const wanted = new Map(peers.map(({ id, addresses }) => [id, addresses]))
    if (this.#self !== undefined) wanted.delete(this.#self.identity.memberId)
    for (const [id, link] of this.#links) {
      if (wanted.has(id)) continue
      this.#links.delete(id)
      link.remove()
    }
    for (const [peer, addresses] of wanted) {
      const link = this.#links.get(peer)
      if (link !== undefined) link.addresses = addresses
      else this.#links.set(peer, new Link({ owner: this, peer, wires: this.#wires, addresses }))
    }
    if (this.#state !== 'started') return
    this.#wires.turns.add(() => this.#dropRefused())
    this.connect()
  }

  send(messages: readonly Message[]): void {
    if (this.#self === undefined || this.isClosed) return
    const self = this.#self.identity.memberId
    for (const message of messages) {
      invariant(message.from === self, `a message of member ${message.from}, sent by ${self}`)
      const link = this.#links.get(message.to)
      if (link !== undefined) link.push(message)
      else {
        this.#wires.countDropped(1)
        this.reportUnreachable(message.to)
      }
    }
  }

  async sendSnapshot(
    to: MemberId,
    { header, content }: OutgoingSnapshot,
    { signal }: SignalOptions = {},
  ): Promise<void> {
    signal?.throwIfAborted()
    const { turns } = this.#wires
    const answerer = this.#reach(to, 'snapshot')
    const pipe = new SnapshotPipe({
      content,
      turns,
      onSourceFailure: (error) => conversation.reject(error),
    })
    const conversation = new Conversation<undefined>(
      { asker: this, answerer },
      { signal, onOver: () => pipe.break() },
    )
    const from = this.#identity.memberId
    turns.add(() => {
      if (conversation.isOver) return
      answerer.#restore({ from, header, content: pipe }).then(
        () => conversation.resolve(undefined),
        (error: unknown) => conversation.refuse(error),
      )
    })
    return conversation.answer
  }

  async request(
    to: MemberId | string,
    request: Uint8Array,
    { signal }: SignalOptions = {},
  ): Promise<Uint8Array> {
    signal?.throwIfAborted()
    const { turns, requestMaxConcurrent } = this.#wires
    const answerer = this.#reach(to, 'request')
    if (this.#requests >= requestMaxConcurrent)
      throw unreachable(`${requestMaxConcurrent} requests are waiting`)
    this.#requests++
    const onOver = (): void => {
      this.#requests--
    }
    const conversation = new Conversation<Uint8Array>({ asker: this, answerer }, { signal, onOver })
    const from = this.#identity.memberId
    turns.add(() => {
      if (conversation.isOver) return
      answerer.#answer(from, request).then(
        (answer) => turns.add(() => conversation.resolve(answer)),
        (error: unknown) => conversation.refuse(error),
      )
    })
    return conversation.answer
  }

  connectedMs(peer: MemberId): number | undefined {
    return this.#links.get(peer)?.connectedMs
  }

  close(): Promise<void> {
    this.#closed ??= Promise.resolve()
    if (this.isClosed) return this.#closed
    const wasStarted = this.#state === 'started'
    this.#state = 'closed'
    if (wasStarted) this.#wires.leave(this)
    for (const link of this.#links.values()) link.remove()
    for (const link of [...this.incoming]) link.disconnect()
    for (const conversation of [...this.conversations]) conversation.break()
    return this.#closed
  }

  /** Tries to reach every peer that is not connected. */
  connect(): void {
    for (const link of this.#links.values()) link.connect()
  }

  /** Ends what goes to `other`, from which nothing gets back, or to which nothing gets. */
  breakFrom(other: MemoryTransport): void {
    for (const link of this.#links.values()) if (link.target === other) link.disconnect()
    for (const conversation of [...this.conversations]) {
      if (conversation.asker === other || conversation.answerer === other) conversation.break()
    }
  }

  /** A message to this peer was dropped: its sender is told in a later turn. */
  reportUnreachable(peer: MemberId): void {
    this.#unreachable.add(peer)
    if (this.#unreachable.size > 1) return
    this.#wires.turns.add(() => {
      const peers = this.#unreachable
      this.#unreachable = new Set()
      for (const each of peers) if (!this.isClosed) this.#handler.onUnreachable(each)
    })
  }

  receive(messages: readonly Message[]): void {
    if (!this.isClosed) this.#handler.onMessages(messages)
  }

  /**
   * The handshake of both ends.
   *
   * @param expected who should be here; undefined: whoever is
   * @returns why they do not talk to each other
   */
  refuses(
    dialer: MemoryTransport,
    expected: MemberId | undefined,
    purpose: 'stream' | 'snapshot' | 'request',
  ): string | undefined {
    const { memberId } = this.#identity
    if (expected !== undefined && memberId !== expected) return `member ${memberId} is here, not ${expected}`
    if (purpose !== 'request' && dialer.#identity.memberId === 0n) return 'who is not a member may only ask'
    return this.#handler.accepts(dialer.#identity) ?? dialer.#handler.accepts(this.#identity)
  }

  get #identity(): PeerIdentity {
    invariant(this.#self !== undefined, 'the transport is started')
    return this.#self.identity
  }

  get #handler(): TransportHandler {
    invariant(this.#self !== undefined, 'the transport is started')
    return this.#self.handler
  }

  // What a handler throws is a rejection, too.

  async #restore(snapshot: IncomingSnapshot): Promise<void> {
    await this.#handler.onSnapshot(snapshot)
  }

  async #answer(from: MemberId, request: Uint8Array): Promise<Uint8Array> {
    return await this.#handler.onRequest(from, request)
  }

  #requireOpen(): void {
    if (this.isClosed) throw new TransportError('TRANSPORT_CLOSED', 'the transport is closed')
  }

  /** Who answers a conversation, which needs the way there and back. */
  #reach(to: MemberId | string, purpose: 'snapshot' | 'request'): MemoryTransport {
    this.#requireOpen()
    if (this.#self === undefined) throw unreachable('the transport is not started')
    const addresses = typeof to === 'string' ? [to] : this.#links.get(to)?.addresses
    if (addresses === undefined) throw unreachable(`member ${to} is not a peer`)
    let refusal: string | undefined
    for (const address of addresses) {
      const answerer = this.#wires.find(this.address, address)
      if (answerer === undefined || this.#wires.find(address, this.address) === undefined) continue
      refusal = answerer.refuses(this, typeof to === 'string' ? undefined : to, purpose)
      if (refusal === undefined) return answerer
    }
    if (refusal !== undefined) throw new TransportError('TRANSPORT_REFUSED', refusal)
    throw unreachable(`nobody answers at ${addresses.join(', ')}`)
  }

  /** The handler may judge differently than when its peers connected. */
  #dropRefused(): void {
    if (this.isClosed) return
    for (const link of [...this.incoming]) {
      if (this.refuses(link.owner, undefined, 'stream') !== undefined) link.disconnect()
    }
    for (const link of this.#links.values()) {
      if (link.target?.refuses(this, link.peer, 'stream') !== undefined) link.disconnect()
    }
  }
}

function unreachable(message: string): TransportError {
  return new TransportError('TRANSPORT_UNREACHABLE', message)
}
