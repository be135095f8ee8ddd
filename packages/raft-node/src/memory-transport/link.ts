import { decodeMessages, encodeMessages, type MemberId, type Message } from '@orrery/raft'
import type { MemoryTransport } from './member-transport.ts'
import type { Wires } from './wires.ts'

/** The way from a member to one of its peers, connected or not. */
export class Link {
  readonly owner: MemoryTransport
  readonly peer: MemberId
  readonly #wires: Wires
  #addresses: readonly string[]
  #target: MemoryTransport | undefined
  #sinceMs = 0
  #queue: Message[] = []
  #isConnecting = false
  #isRemoved = false

  constructor(parts: {
    readonly owner: MemoryTransport
    readonly peer: MemberId
    readonly wires: Wires
    readonly addresses: readonly string[]
  }) {
    this.owner = parts.owner
    this.peer = parts.peer
    this.#wires = parts.wires
    this.#addresses = parts.addresses
  }

  get addresses(): readonly string[] {
    return this.#addresses
  }

  set addresses(addresses: readonly string[]) {
    this.#addresses = addresses
    if (this.#target !== undefined && !addresses.includes(this.#target.address)) this.disconnect()
  }

  /** Who receives what is sent now. */
  get target(): MemoryTransport | undefined {
    return this.#target
  }

  get connectedMs(): number | undefined {
    return this.#target === undefined ? undefined : this.#wires.clock.nowMs() - this.#sinceMs
  }

  push(message: Message): void {
    if (this.#target === undefined) {
      this.connect()
      this.#drop(1)
    } else if (this.#queue.length >= this.#wires.queueMaxMessages) this.#drop(1)
    else if (this.#queue.push(message) === 1) this.#wires.turns.add(this.#deliver)
  }

  /** Tries, in a later turn, to reach the peer. */
  connect(): void {
    if (this.#isConnecting || this.#isRemoved || this.#target !== undefined) return
    this.#isConnecting = true
    this.#wires.turns.add(this.#tryAddresses)
  }

  /** Drops what waits: it was meant for the process that the peer was. */
  disconnect(): void {
    this.#target?.incoming.delete(this)
    this.#target = undefined
    const dropped = this.#queue.length
    this.#queue = []
    if (dropped > 0) this.#drop(dropped)
  }

  /** Disconnects for ever. */
  remove(): void {
    this.#isRemoved = true
    this.disconnect()
  }

  #drop(count: number): void {
    this.#wires.countDropped(count)
    this.owner.reportUnreachable(this.peer)
  }

  readonly #deliver = (): void => {
    const messages = this.#queue
    if (messages.length === 0) return
    this.#queue = []
    this.#target?.receive(this.#wires.usesWireFormat ? decodeMessages(encodeMessages(messages)) : messages)
  }

  readonly #tryAddresses = (): void => {
    this.#isConnecting = false
    if (this.#isRemoved || this.#target !== undefined) return
    for (const address of this.#addresses) {
      const target = this.#wires.find(this.owner.address, address)
      if (target === undefined || target.refuses(this.owner, this.peer, 'stream') !== undefined) continue
      this.#target = target
      this.#sinceMs = this.#wires.clock.nowMs()
      target.incoming.add(this)
      return
    }
  }
}
