import { invariant, type Timer } from '@orrery/environment'
import type { MemberId, Message } from '@orrery/raft'
import { type OutgoingSnapshot, type Peer, TransportError } from '@orrery/raft-node'
import { lost } from './connection.ts'
import { closedError, type Desk } from './desk.ts'
import { PeerStream } from './peer-stream.ts'
import type { PeerStreamEvents } from './peer-stream.ts'
import { RequestChannel } from './request-channel.ts'
import { sendSnapshot } from './snapshot-sender.ts'

/** All that this member does with others: a stream to each peer, requests, snapshots. */
export class Outgoing {
  readonly #desk: Desk
  readonly #streams = new Map<MemberId, PeerStream>()
  /** By member, or by the address of whoever is there. */
  readonly #channels = new Map<MemberId | string, RequestChannel>()
  /** Snapshots on their way, with their receivers. */
  readonly #transfers = new Map<AbortController, MemberId>()
  readonly #events: PeerStreamEvents
  #waiting: PeerStream[] = []
  #unreachable = new Set<MemberId>()
  #turn: Timer | undefined

  constructor(desk: Desk) {
    this.#desk = desk
    this.#events = {
      onDropped: (peer) => {
        this.#unreachable.add(peer)
        this.#awaitTurn()
      },
      onWaiting: (stream) => {
        this.#waiting.push(stream)
        this.#awaitTurn()
      },
    }
  }

  setPeers(peers: readonly Peer[]): void {
    const wanted = new Map(peers.map((peer) => [peer.id, peer]))
    wanted.delete(this.#desk.identity.memberId)
    for (const id of [...this.#streams.keys()]) if (!wanted.has(id)) this.#forget(id)
    for (const [id, peer] of wanted) {
      const stream = this.#streams.get(id)
      if (stream === undefined) this.#streams.set(id, new PeerStream(this.#desk, peer, this.#events))
      else stream.addresses = peer.addresses
      const channel = this.#channels.get(id)
      if (channel !== undefined) channel.addresses = peer.addresses
    }
  }

  send(messages: readonly Message[]): void {
    const { memberId } = this.#desk.identity
    for (const message of messages) {
      invariant(message.from === memberId, `a message of member ${message.from}, sent by ${memberId}`)
      const stream = this.#streams.get(message.to)
      if (stream !== undefined) stream.push(message)
      else {
        this.#desk.counters.droppedMessages++
        this.#events.onDropped(message.to)
      }
    }
  }

  async sendSnapshot(
    to: MemberId,
    snapshot: OutgoingSnapshot,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const addresses = this.#addressesOf(to)
    const controller = new AbortController()
    const onAbort = (): void => controller.abort(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#transfers.set(controller, to)
    try {
      await sendSnapshot(this.#desk, { to, addresses, signal: controller.signal }, snapshot)
    } finally {
      this.#transfers.delete(controller)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  request(to: MemberId | string, request: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const addresses = typeof to === 'string' ? [to] : this.#addressesOf(to)
    let channel = this.#channels.get(to)
    if (channel === undefined) {
      const expected = typeof to === 'string' ? 0n : to
      const opened = new RequestChannel(this.#desk, { addresses, expected }, () => {
        if (this.#channels.get(to) === opened) this.#channels.delete(to)
      })
      channel = opened
      this.#channels.set(to, opened)
    }
    return channel.ask(request, signal)
  }

  connectedMs(peer: MemberId): number | undefined {
    return this.#streams.get(peer)?.connectedMs
  }

  /** A keep-alive interval has passed. */
  tick(silentMaxTicks: number): void {
    for (const channel of [...this.#channels.values()]) channel.tick(silentMaxTicks)
  }

  /** Ends the connections to whom the handler does not accept any more. */
  judge(): void {
    for (const stream of this.#streams.values()) stream.judge()
    for (const channel of [...this.#channels.values()]) channel.judge()
  }

  close(): void {
    this.#turn?.cancel()
    for (const stream of this.#streams.values()) stream.close()
    for (const channel of [...this.#channels.values()]) channel.close(closedError())
    for (const controller of [...this.#transfers.keys()]) controller.abort(closedError())
    this.#streams.clear()
  }

  #addressesOf(peer: MemberId): readonly string[] {
    const stream = this.#streams.get(peer)
    if (stream !== undefined) return stream.addresses
    throw new TransportError('TRANSPORT_UNREACHABLE', `member ${peer} is not a peer`)
  }

  #forget(id: MemberId): void {
    this.#streams.get(id)?.close()
    this.#streams.delete(id)
    this.#channels.get(id)?.close(lost('the member is not a peer any more'))
    for (const [controller, to] of [...this.#transfers]) {
      if (to === id) controller.abort(lost('the member is not a peer any more'))
    }
  }

  /** What is sent in this turn of the event loop goes out together at its end. */
  #awaitTurn(): void {
    this.#turn ??= this.#desk.environment.clock.defer(() => {
      this.#turn = undefined
      const streams = this.#waiting
      this.#waiting = []
      for (const stream of streams) stream.flush()
      const peers = this.#unreachable
      this.#unreachable = new Set()
      for (const peer of peers) if (!this.#desk.isClosed) this.#desk.handler.onUnreachable(peer)
    })
  }
}
