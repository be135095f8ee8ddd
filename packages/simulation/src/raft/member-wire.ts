import { type Random, invariant } from '@orrery/environment'
import { type Message, type SnapshotMessage, decodeMessages, encodeMessages } from '@orrery/raft'
import { exponential } from '../time/draw.ts'
import type { MemberState } from './member-disk.ts'
import { RaftViolation } from './raft-invariants.ts'
import type { RaftWorld } from './raft-world.ts'
import type { SimulatedMember } from './simulated-member.ts'

/** More than clients can cause. */
const sentMaxPerSecond = 25_000
/** A sender waits so much longer than a snapshot takes. Unit: ms. */
const snapshotPatienceMs = 200

/** Sends the messages of one member. */
export class MemberWire {
  readonly #world: RaftWorld
  readonly #member: SimulatedMember
  readonly #random: Random
  #second = 0
  #sentThisSecond = 0

  constructor(world: RaftWorld, member: SimulatedMember) {
    this.#world = world
    this.#member = member
    this.#random = world.simulation.random.fork(`wire ${member.name}`)
  }

  /** @param state what travels with a snapshot */
  send(message: Message, state: MemberState): void {
    const { members, simulation } = this.#world
    const target = members.get(message.to)
    if (target === undefined) return
    this.#requireCalm()
    simulation.trace.mix(codeOf(message))
    if (simulation.trace.isRecording) {
      simulation.trace.add(`${this.#member.name} -> ${describeMessage(message)}`)
    }
    if (message.type === 'snapshot') this.#sendSnapshot(message, state, target)
    else this.#sendMessage(message, target)
  }

  #sendMessage(message: Message, target: SimulatedMember): void {
    const { network, simulation, sabotage, faults } = this.#world
    const { node } = this.#member
    const isReachable = target.node.state !== 'stopped' && !network.isCut(node, target.node)
    if (!isReachable && this.#random.below(4) === 0) {
      node.schedule(1, () => this.#member.input((raft) => raft.reportUnreachable(message.to)))
    }
    const sent = faults.usesWireFormat ? throughWire(message) : message
    const receive = (): void => target.receive(sent, undefined)
    if (sabotage.outlivesProcesses) simulation.schedule(exponential(this.#random, 300), receive)
    network.send(node, target.node, receive)
  }

  /** The state travels beside the messages, for longer, and the sender learns how that went. */
  #sendSnapshot(header: SnapshotMessage, state: MemberState, target: SimulatedMember): void {
    const { network, counters, faults } = this.#world
    const { node } = this.#member
    const { index, term, membership } = state
    const message = { ...header, snapshot: { index, term, membership } }
    const sent = faults.usesWireFormat ? throughWire(message) : message
    counters.snapshotsSent++
    const takesMs = exponential(this.#random, faults.snapshotMeanMs)
    let isThere = false
    node.schedule(takesMs, () => {
      network.send(node, target.node, () => {
        isThere = true
        target.receive(sent, state)
      })
    })
    node.schedule(takesMs + snapshotPatienceMs, () => {
      if (!isThere) counters.snapshotsFailed++
      this.#member.input((raft) => raft.reportSnapshot(message.to, isThere ? 'sent' : 'failed'))
    })
  }

  /** Two members that answer each other for ever would look alive. */
  #requireCalm(): void {
    const second = Math.floor(this.#world.simulation.nowMs / 1_000)
    if (second !== this.#second) this.#sentThisSecond = 0
    this.#second = second
    if (++this.#sentThisSecond <= sentMaxPerSecond) return
    throw new RaftViolation(`${this.#member.name} sent ${sentMaxPerSecond} messages within a second`)
  }
}

function throughWire(message: Message): Message {
  const [decoded] = decodeMessages(encodeMessages([message]))
  invariant(decoded !== undefined, 'a message is decoded')
  return decoded
}

/** For the hash of a run. */
function codeOf(message: Message): number {
  const index = 'index' in message ? message.index : 0
  const commitIndex = 'commitIndex' in message ? message.commitIndex : 0
  return Math.imul(message.type.length * 31 + message.term, 31) + index + commitIndex * 7 + Number(message.to)
}

/** One line for a trace. */
export function describeMessage(message: Message): string {
  const text = JSON.stringify(message, (key, value: unknown) => {
    if (key === 'type' || key === 'from' || key === 'to' || key === 'payload') return undefined
    return typeof value === 'bigint' ? String(value) : value
  })
  return `${message.type} ${message.from}>${message.to} ${text}`
}
