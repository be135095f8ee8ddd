import type { Clock } from '@orrery/environment'
import { type MemberId, type Message, decodeMessages, encodeMessages } from '@orrery/raft'
import type {
  IncomingSnapshot,
  OutgoingSnapshot,
  Peer,
  PeerIdentity,
  Transport,
  TransportHandler,
} from '@orrery/raft-node'
import { type MemoryNetwork, createMemoryNetwork } from '@orrery/raft-node/testing'
import { between } from '../time/draw.ts'
import type { SimulatedNode } from '../time/simulated-node.ts'
import type { Simulation } from '../time/simulation.ts'
import type { SimulatedNetwork } from './simulated-network.ts'

/** How simulated transports behave. */
export interface SimulatedTransportsOptions {
  /** Encodes and decodes every batch of messages, as a real transport does. @defaultValue `true` */
  readonly usesWireFormat?: boolean
  /**
   * A cut is noticed after at most so long, when connections break; until then, what is sent vanishes.
   * Unit: ms. @defaultValue `2_000`
   */
  readonly cutNoticeMaxMs?: number
}

/** Gives nodes the transport that production members use. */
export interface SimulatedTransports {
  /**
   * The end of the process that runs on a node. It is gone with the process.
   *
   * @param address where others reach it, free when it starts. By default the name of the node.
   */
  transport(node: SimulatedNode, address?: string): Transport
}

/**
 * Connections, handshakes, conversations and refusals are those of raft-node's network in memory; what
 * passes is delayed, lost and held back by the simulated network, and happens only to processes that run.
 */
class SeededTransports implements SimulatedTransports {
  readonly network: SimulatedNetwork
  readonly memory: MemoryNetwork
  readonly usesWireFormat: boolean
  /** Who sent a batch, a request or the header of a snapshot: the network in memory passes the same objects. */
  readonly origins = new WeakMap<object, SimulatedNode>()
  readonly #addresses = new Map<string, SimulatedNode>()
  /** Cuts that were noticed. */
  readonly #noticed = new Set<string>()

  constructor(simulation: Simulation, network: SimulatedNetwork, options: SimulatedTransportsOptions) {
    this.network = network
    this.usesWireFormat = options.usesWireFormat ?? true
    this.memory = createMemoryNetwork({ clock: harnessClock(simulation) })
    const random = simulation.random.fork('transports')
    const noticeMaxMs = options.cutNoticeMaxMs ?? 2_000
    network.onChange(({ from, to, isCut }) => {
      const key = `${from.number} ${to.number}`
      if (!isCut) {
        if (this.#noticed.delete(key)) this.#reconnect()
        return
      }
      simulation.schedule(between(random, 0, noticeMaxMs), () => {
        if (!network.isCut(from, to)) return
        this.#noticed.add(key)
        this.#breakConnections()
      })
    })
  }

  transport(node: SimulatedNode, address: string = node.name): Transport {
    this.#addresses.set(address, node)
    return new NodeTransport(this, node, this.memory.transport(address))
  }

  #reconnect(): void {
    this.memory.heal()
    this.#breakConnections()
  }

  #breakConnections(): void {
    for (const [from, fromNode] of this.#addresses) {
      for (const [to, toNode] of this.#addresses) {
        if (this.#noticed.has(`${fromNode.number} ${toNode.number}`)) this.memory.cut(from, to, 'oneWay')
      }
    }
  }
}

/** One member's end. What the network in memory tells it happens to its process, after a while. */
class NodeTransport implements Transport {
  readonly address: string
  readonly #world: SeededTransports
  readonly #node: SimulatedNode
  readonly #incarnation: number
  readonly #inner: Transport

  constructor(world: SeededTransports, node: SimulatedNode, inner: Transport) {
    this.#world = world
    this.#node = node
    this.#incarnation = node.incarnation
    this.#inner = inner
    this.address = inner.address
    node.onCrash(() => void inner.close())
  }

  start(identity: PeerIdentity, handler: TransportHandler): Promise<void> {
    return this.#inner.start(identity, {
      onMessages: (messages) => this.#receive(messages, handler),
      onUnreachable: (peer) => {
        this.#node.schedule(0, () => handler.onUnreachable(peer))
      },
      onSnapshot: (snapshot) => this.#restore(snapshot, handler),
      onRequest: (from, request) => this.#converse(request, () => handler.onRequest(from, request)),
      accepts: (peer) => handler.accepts(peer),
    })
  }

  setPeers(peers: readonly Peer[]): void {
    if (!this.#isGone) this.#inner.setPeers(peers)
  }

  send(messages: readonly Message[]): void {
    if (this.#isGone) return
    for (const message of messages) this.#world.origins.set(message, this.#node)
    this.#inner.send(messages)
  }

  sendSnapshot(
    to: MemberId,
    { header, content }: OutgoingSnapshot,
    options?: { readonly signal?: AbortSignal },
  ): Promise<void> {
    if (this.#isGone) return new Promise(() => {})
    const sent = { header: header.slice(), content: this.#readInside(content) }
    this.#world.origins.set(sent.header, this.#node)
    return this.#inside(this.#inner.sendSnapshot(to, sent, options), options?.signal)
  }

  request(
    to: MemberId | string,
    request: Uint8Array,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Uint8Array> {
    if (this.#isGone) return new Promise(() => {})
    const sent = request.slice()
    this.#world.origins.set(sent, this.#node)
    return this.#inside(this.#inner.request(to, sent, options), options?.signal)
  }

  connectedMs(peer: MemberId): number | undefined {
    return this.#inner.connectedMs(peer)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  get #isGone(): boolean {
    return this.#node.state === 'stopped' || this.#node.incarnation !== this.#incarnation
  }

  #origin(object: object | undefined): SimulatedNode {
    return (object && this.#world.origins.get(object)) ?? this.#node
  }

  #receive(messages: readonly Message[], handler: TransportHandler): void {
    const from = this.#origin(messages[0])
    const received = this.#world.usesWireFormat ? decodeMessages(encodeMessages(messages)) : messages
    this.#world.network.send(from, this.#node, () => handler.onMessages(received), 'stream')
  }

  #restore(snapshot: IncomingSnapshot, handler: TransportHandler): Promise<void> {
    const { from, header, content } = snapshot
    const origin = this.#origin(header)
    const delayed = delayedContent(content, (deliver) => {
      this.#world.network.send(origin, this.#node, deliver, 'reliable')
    })
    return this.#converse(header, () => handler.onSnapshot({ from, header, content: delayed }))
  }

  /** The way there, what the handler takes, and the way back. */
  #converse<T>(question: object, answer: () => Promise<T>): Promise<T> {
    const { network } = this.#world
    const origin = this.#origin(question)
    const back = (settle: () => void): void => network.send(this.#node, origin, settle, 'reliable')
    return new Promise((resolve) => {
      const ask = (): void => {
        const answered = answer()
        const pass = (): void => back(() => resolve(answered))
        answered.then(pass, pass)
      }
      network.send(origin, this.#node, ask, 'reliable')
    })
  }

  /** Settles as an event of this process, and never once it is gone. */
  #inside<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return new Promise((resolve) => {
      const pass = (): void => {
        if (this.#isGone) return
        // An abort is the process's own doing.
        if (signal?.aborted === true) resolve(work)
        else this.#node.schedule(0, () => resolve(work))
      }
      work.then(pass, pass)
    })
  }

  /** The source of a snapshot belongs to this process: it is read when the process has a turn. */
  #readInside(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    return delayedContent(content, (deliver) => {
      if (!this.#isGone) this.#node.schedule(0, deliver)
    })
  }
}

/** Asks a source for its next chunk, or passes that on, only when `deliver` lets it. */
function delayedContent(
  content: AsyncIterable<Uint8Array>,
  deliver: (happen: () => void) => void,
): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]: () => {
      const source = content[Symbol.asyncIterator]()
      return {
        next: () =>
          new Promise((resolve) => {
            deliver(() => resolve(source.next()))
          }),
        return: async () => {
          await source.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}

function harnessClock(simulation: Simulation): Clock {
  const turnMs = 0.001
  return {
    nowMs: () => simulation.nowMs,
    wallMs: () => simulation.nowMs,
    setTimer: (delayMs, callback) => simulation.schedule(delayMs, callback),
    defer: (callback) => simulation.schedule(turnMs, callback),
  }
}

/**
 * Lets raft-node's `Transport` run on a simulated network. Messages are streams: they may be lost, but not
 * overtake each other or come twice, which raft-node's port rules out.
 */
export function createSimulatedTransports(
  simulation: Simulation,
  network: SimulatedNetwork,
  options: SimulatedTransportsOptions = {},
): SimulatedTransports {
  return new SeededTransports(simulation, network, options)
}
