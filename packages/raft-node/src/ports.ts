import type { MemberId, Message } from '@orrery/raft'

/** Where a member's peers can be reached. */
export interface Peer {
  readonly id: MemberId
  /** As the transport understands it: `host:port` for TCP. The first that answers is used. */
  readonly addresses: readonly string[]
}

/**
 * Who speaks. Both sides of a conversation state it, and refuse one that does not fit: a directory that was
 * emptied, copied or belongs to another cluster must not take part under an old name.
 */
export interface PeerIdentity {
  readonly clusterId: bigint
  readonly memberId: MemberId
  /** Chosen at random when the data directory was created; 0: a member that keeps nothing. */
  readonly directoryId: bigint
}

/** A state on its way to a member that needs it. */
export interface OutgoingSnapshot {
  /** What the receiver's handler gets before the content. */
  readonly header: Uint8Array
  readonly content: AsyncIterable<Uint8Array>
}

/** A state that arrives. */
export interface IncomingSnapshot {
  readonly from: MemberId
  readonly header: Uint8Array
  /** Throws when the sender gives up or the connection breaks. */
  readonly content: AsyncIterable<Uint8Array>
}

/** What a {@link Transport} tells its member. Nothing is called before `start` or after `close`. */
export interface TransportHandler {
  /** Messages of one peer, in the order in which it sent them. */
  onMessages(messages: readonly Message[]): void
  /** A message to this peer was dropped: it is not connected, or its queue is full. Called at most once a turn. */
  onUnreachable(peer: MemberId): void
  /** Resolves when the snapshot is safe here; its sender learns of it. A rejection is told to the sender. */
  onSnapshot(snapshot: IncomingSnapshot): Promise<void>
  /**
   * Answers a question of a peer, or of a process that wants to become one.
   *
   * @param from 0: not a member yet
   */
  onRequest(from: MemberId, request: Uint8Array): Promise<Uint8Array>
  /**
   * Decides whether somebody may talk to this member. A refusal is told to the other side.
   *
   * @returns undefined, or the reason of the refusal
   */
  accepts(peer: PeerIdentity): string | undefined
}

/**
 * Moves messages between the members of a cluster. It may lose, but not damage them.
 *
 * Invariant: a message reaches only the process that its receiver was when the message was sent: what waits
 * for a connection is dropped with it. A member that restarts never receives what was sent to it before.
 */
export interface Transport {
  /**
   * Begins to listen. Must be called once.
   *
   * @throws TransportError
   */
  start(identity: PeerIdentity, handler: TransportHandler): Promise<void>
  /** Where peers reach this member, once started. */
  readonly address: string
  /** Who is reachable from now on; connections to others are closed. */
  setPeers(peers: readonly Peer[]): void
  /** Queues messages to their `to`. Never blocks, never throws: what cannot be sent is dropped and reported. */
  send(messages: readonly Message[]): void
  /**
   * Transfers a snapshot beside the other messages, which go on meanwhile. Resolves when the receiver's
   * handler has.
   *
   * @throws TransportError `TRANSPORT_UNREACHABLE`, `TRANSPORT_REFUSED`, `TRANSPORT_CLOSED`
   */
  sendSnapshot(
    to: MemberId,
    snapshot: OutgoingSnapshot,
    options?: { readonly signal?: AbortSignal },
  ): Promise<void>
  /**
   * Asks a peer, or whoever listens at an address.
   *
   * @throws TransportError `TRANSPORT_UNREACHABLE`, `TRANSPORT_REFUSED`, `TRANSPORT_CLOSED`
   */
  request(
    to: MemberId | string,
    request: Uint8Array,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Uint8Array>
  /** How long the peer has been connected without a break; undefined: it is not. Unit: ms. */
  connectedMs(peer: MemberId): number | undefined
  /** Closes all connections and stops listening. Safe to call twice. */
  close(): Promise<void>
}
