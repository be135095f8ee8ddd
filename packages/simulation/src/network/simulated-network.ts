import type { Random } from '@orrery/environment'
import { chance, exponential } from '../time/draw.ts'
import type { Simulation } from '../time/simulation.ts'
import type { SimulatedNode } from '../time/simulated-node.ts'
import { type LinkFaults, reliableLink, requireLinkFaults } from './link-faults.ts'
import type { Cut } from './partition.ts'

/** How often something happened to a message. */
export interface NetworkCounts {
  readonly sent: number
  readonly delivered: number
  /** By bad luck. */
  readonly lost: number
  readonly duplicated: number
  /** Sent or arrived while the way was cut, or too many were on it. */
  readonly cut: number
  readonly overflowed: number
}

/** What a network promises for a message. See {@link SimulatedNetwork.send}. */
export type DeliveryMode = 'packets' | 'stream' | 'reliable'

/** The ways between nodes, one in each direction, with their faults. */
export interface SimulatedNetwork {
  readonly counts: NetworkCounts
  /** What happens on every way that has no faults of its own. Counts for what is sent from now on. */
  setFaults(faults: LinkFaults): void
  /** @param faults undefined: those of all others again */
  setLinkFaults(from: SimulatedNode, to: SimulatedNode, faults: LinkFaults | undefined): void
  /**
   * Lets `deliver` happen to the process that runs on `to` now, once, never or twice.
   *
   * Invariant: a process never receives what was sent before it started.
   *
   * @param mode whatever the faults say, `stream`: never twice, and never before what was sent before it;
   * `reliable`: like a stream, and never lost while both processes live, but held back by a cut
   */
  send(from: SimulatedNode, to: SimulatedNode, deliver: () => void, mode?: DeliveryMode): void
  /** Nothing gets through any more, in this direction. What is on the way is lost. */
  cut(cut: Cut<SimulatedNode>): void
  /** Takes back one cut. */
  mend(cut: Cut<SimulatedNode>): void
  /** Takes back all cuts and clogs. */
  heal(): void
  isCut(from: SimulatedNode, to: SimulatedNode): boolean
  /** Holds back everything on this way for a while. */
  clog(from: SimulatedNode, to: SimulatedNode, durationMs: number): void
  /** Tells of every cut and mend. */
  onChange(listener: (change: Cut<SimulatedNode> & { readonly isCut: boolean }) => void): void
}

/** The way from one node to another. */
interface Link {
  readonly from: SimulatedNode
  readonly to: SimulatedNode
  readonly random: Random
  faults: LinkFaults | undefined
  isCut: boolean
  clogUntilMs: number
  /** When the last message in order arrives. */
  lastArrivalMs: number
  /** The process for which `inflight` is counted. */
  incarnation: number
  inflight: number
}

/** How often what may not be lost is sent again through a cut. Unit: ms. */
const retransmissionMs = 50

class SeededNetwork implements SimulatedNetwork {
  readonly #simulation: Simulation
  readonly #random: Random
  /** By number of the sender, then of the receiver. Sparse. */
  readonly #links: (Link | undefined)[][] = []
  readonly #listeners: ((change: Cut<SimulatedNode> & { readonly isCut: boolean }) => void)[] = []
  #faults: LinkFaults
  readonly counts = { sent: 0, delivered: 0, lost: 0, duplicated: 0, cut: 0, overflowed: 0 }

  constructor(simulation: Simulation, faults: LinkFaults) {
    this.#simulation = simulation
    this.#random = simulation.random.fork('network')
    this.#faults = requireLinkFaults(faults)
  }

  setFaults(faults: LinkFaults): void {
    this.#faults = requireLinkFaults(faults)
  }

  setLinkFaults(from: SimulatedNode, to: SimulatedNode, faults: LinkFaults | undefined): void {
    this.#link(from, to).faults = faults && requireLinkFaults(faults)
  }

  send(from: SimulatedNode, to: SimulatedNode, deliver: () => void, mode: DeliveryMode = 'packets'): void {
    const link = this.#link(from, to)
    const faults = link.faults ?? this.#faults
    this.counts.sent++
    if (to.state === 'stopped' || (link.isCut && mode !== 'reliable')) {
      this.counts.cut++
      return
    }
    if (link.incarnation !== to.incarnation) {
      link.incarnation = to.incarnation
      link.inflight = 0
      link.lastArrivalMs = 0
    }
    if (mode !== 'reliable') {
      if (chance(link.random, faults.lossRatio)) {
        this.counts.lost++
        return
      }
      if (link.inflight >= faults.inflightMaxMessages) {
        this.counts.overflowed++
        return
      }
    }
    const delayMs = faults.delayMinMs + exponential(link.random, faults.delayMeanMs)
    if (mode === 'packets' && faults.reorders) this.#travel(link, delayMs, deliver, mode)
    else this.#travelInOrder(link, delayMs, deliver, mode)
    if (mode === 'packets' && chance(link.random, faults.duplicateRatio)) {
      this.counts.duplicated++
      const laterMs = exponential(link.random, faults.duplicateDelayMeanMs)
      this.#travel(link, delayMs + laterMs, deliver, mode)
    }
  }

  cut({ from, to }: Cut<SimulatedNode>): void {
    const link = this.#link(from, to)
    if (link.isCut) return
    link.isCut = true
    this.#changed(link)
  }

  mend({ from, to }: Cut<SimulatedNode>): void {
    const link = this.#link(from, to)
    if (!link.isCut) return
    link.isCut = false
    this.#changed(link)
  }

  heal(): void {
    for (const link of this.#links.flat()) {
      if (link === undefined) continue
      link.clogUntilMs = 0
      this.mend(link)
    }
  }

  isCut(from: SimulatedNode, to: SimulatedNode): boolean {
    return this.#link(from, to).isCut
  }

  clog(from: SimulatedNode, to: SimulatedNode, durationMs: number): void {
    const link = this.#link(from, to)
    link.clogUntilMs = Math.max(link.clogUntilMs, this.#simulation.nowMs + durationMs)
  }

  onChange(listener: (change: Cut<SimulatedNode> & { readonly isCut: boolean }) => void): void {
    this.#listeners.push(listener)
  }

  #travelInOrder(link: Link, delayMs: number, deliver: () => void, mode: DeliveryMode): void {
    const nowMs = this.#simulation.nowMs
    link.lastArrivalMs = Math.max(link.lastArrivalMs, nowMs + delayMs)
    this.#travel(link, link.lastArrivalMs - nowMs, deliver, mode)
  }

  #travel(link: Link, delayMs: number, deliver: () => void, mode: DeliveryMode): void {
    link.inflight++
    const arrive = (): void => {
      const clogMs = link.clogUntilMs - this.#simulation.nowMs
      if (clogMs > 0) {
        link.to.schedule(clogMs, arrive)
        return
      }
      if (link.isCut && mode === 'reliable') {
        link.to.schedule(retransmissionMs, arrive)
        return
      }
      link.inflight--
      if (link.isCut) {
        this.counts.cut++
        return
      }
      this.counts.delivered++
      deliver()
    }
    link.to.schedule(delayMs, arrive)
  }

  #changed(link: Link): void {
    const { trace } = this.#simulation
    if (trace.isRecording) trace.add(`network ${link.from.name} ${link.isCut ? '-x' : '->'} ${link.to.name}`)
    for (const listener of this.#listeners) listener({ from: link.from, to: link.to, isCut: link.isCut })
  }

  #link(from: SimulatedNode, to: SimulatedNode): Link {
    const row = (this.#links[from.number] ??= [])
    return (row[to.number] ??= {
      from,
      to,
      random: this.#random.fork(`${from.name} ${to.name}`),
      faults: undefined,
      isCut: false,
      clogUntilMs: 0,
      lastArrivalMs: 0,
      incarnation: 0,
      inflight: 0,
    })
  }
}

/**
 * Creates a network between the nodes of a simulation.
 *
 * @param faults of all ways, by default none: {@link reliableLink}
 * @throws SimulationError `SIMULATION_INVALID_OPTION`
 */
export function createSimulatedNetwork(
  simulation: Simulation,
  faults: LinkFaults = reliableLink,
): SimulatedNetwork {
  return new SeededNetwork(simulation, faults)
}
