import type { Clock } from '@orrery/environment'
import { MemoryTransport } from './memory-transport/member-transport.ts'
import { TurnQueue } from './memory-transport/turn-queue.ts'
import type { Wires } from './memory-transport/wires.ts'
import type { Transport } from './ports.ts'
import { TransportError } from './transport-error.ts'

/** How much the members of a {@link MemoryNetwork} may have on the way. */
export interface MemoryNetworkOptions {
  /**
   * Messages of one member that wait for one other; more are dropped and reported. They wait for one turn of
   * the event loop. @defaultValue `65_536`
   */
  readonly queueMaxMessages?: number
  /** Requests of one member that wait for an answer; more fail with `TRANSPORT_UNREACHABLE`. @defaultValue `256` */
  readonly requestMaxConcurrent?: number
  /**
   * Whether messages are encoded and decoded on their way, as between processes: for tests, which then meet what a
   * message does not carry. @defaultValue `false`
   */
  readonly usesWireFormat?: boolean
}

/** What a network uses when its options do not say otherwise. */
export const memoryNetworkDefaults = {
  queueMaxMessages: 65_536,
  requestMaxConcurrent: 256,
  usesWireFormat: false,
} as const satisfies Required<MemoryNetworkOptions>

/**
 * Members of one process, without sockets: what one sends, the others get in a later turn of the event loop,
 * the same objects and not copies unless `usesWireFormat`. Disconnected members find each other again when one of them starts, sets
 * its peers or has something to send.
 */
export interface MemoryNetwork {
  /** A member's end, at an address of its own choice that is free when the member starts. */
  transport(address: string): Transport
  /** Cuts a member off from all others, those that start later too. */
  isolate(address: string): void
  /**
   * Cuts the way from one member to another. What is on it is lost. Requests and snapshots need the way back
   * as well.
   */
  cut(from: string, to: string, direction?: 'oneWay' | 'bothWays'): void
  /** Takes back all cuts, and lets everybody connect. */
  heal(): void
  /** Messages that were dropped since the network was created. */
  readonly droppedMessages: number
  /** Closes all transports. Safe to call twice. */
  close(): Promise<void>
}

class Network implements MemoryNetwork, Wires {
  readonly clock: Clock
  readonly turns: TurnQueue
  readonly queueMaxMessages: number
  readonly requestMaxConcurrent: number
  readonly usesWireFormat: boolean
  /** Those that have started, by address. */
  readonly #members = new Map<string, MemoryTransport>()
  readonly #isolated = new Set<string>()
  #droppedMessages = 0
  /** From whom, to whom nothing gets. */
  readonly #cuts = new Map<string, Set<string>>()

  constructor(clock: Clock, options: Required<MemoryNetworkOptions>) {
    this.clock = clock
    this.turns = new TurnQueue(clock)
    this.queueMaxMessages = options.queueMaxMessages
    this.requestMaxConcurrent = options.requestMaxConcurrent
    this.usesWireFormat = options.usesWireFormat
  }

  get droppedMessages(): number {
    return this.#droppedMessages
  }

  transport(address: string): Transport {
    return new MemoryTransport(this, address)
  }

  isolate(address: string): void {
    this.#isolated.add(address)
    this.#breakCut()
  }

  cut(from: string, to: string, direction: 'oneWay' | 'bothWays' = 'bothWays'): void {
    const cuts = this.#cuts.get(from) ?? new Set()
    this.#cuts.set(from, cuts.add(to))
    if (direction === 'bothWays') this.cut(to, from, 'oneWay')
    else this.#breakCut()
  }

  heal(): void {
    this.#isolated.clear()
    this.#cuts.clear()
    this.#connectAll()
  }

  async close(): Promise<void> {
    await Promise.all([...this.#members.values()].map((member) => member.close()))
    this.turns.clear()
  }

  join(transport: MemoryTransport): void {
    const { address } = transport
    if (this.#members.has(address)) {
      throw new TransportError('TRANSPORT_LISTEN_FAILED', `the address ${address} is taken`)
    }
    this.#members.set(address, transport)
    this.#connectAll()
  }

  leave(transport: MemoryTransport): void {
    this.#members.delete(transport.address)
  }

  countDropped(messages: number): void {
    this.#droppedMessages += messages
  }

  find(from: string, to: string): MemoryTransport | undefined {
    return this.#isOpen(from, to) ? this.#members.get(to) : undefined
  }

  #isOpen(from: string, to: string): boolean {
    if (from === to) return true
    return !this.#isolated.has(from) && !this.#isolated.has(to) && this.#cuts.get(from)?.has(to) !== true
  }

  #breakCut(): void {
    const members = [...this.#members.values()]
    for (const from of members) {
      for (const to of members) if (!this.#isOpen(from.address, to.address)) from.breakFrom(to)
    }
  }

  #connectAll(): void {
    for (const member of this.#members.values()) member.connect()
  }
}

/**
 * Creates a network without members.
 *
 * @throws TransportError `TRANSPORT_INVALID_OPTION`
 */
export function createMemoryNetwork(
  { clock }: { readonly clock: Clock },
  options: MemoryNetworkOptions = {},
): MemoryNetwork {
  const resolved = { ...memoryNetworkDefaults, ...options }
  const { queueMaxMessages, requestMaxConcurrent } = resolved
  for (const [name, value] of Object.entries({ queueMaxMessages, requestMaxConcurrent })) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw new TransportError('TRANSPORT_INVALID_OPTION', `${name} must be an integer from 1 on, not ${value}`)
  }
  return new Network(clock, resolved)
}
