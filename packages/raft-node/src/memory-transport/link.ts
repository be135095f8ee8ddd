import type { MemberId, Message } from '@orrery/raft'
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

  /** @returns whether the message is on its way */
  push(message: Message): boolean {
    if (this.#target === undefined) {
      this.connect()
      return false
    }
    if (this.#queue.length >= this.#wires.queueMaxMessages) return false
    if (this.#queue.push(message) === 1) this.#wires.turns.add(this.#deliver)
    return true
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
    this.#queue = []
  }

  /** Disconnects for ever. */
  remove(): void {
    this.#isRemoved = true
    this.disconnect()
  }

  readonly #deliver = (): void => {
    const messages = this.#queue
    if (messages.length === 0) return
    this.#queue = []
    this.#target?.receive(messages)
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
