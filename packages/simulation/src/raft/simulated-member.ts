import { type Clock, type Random, invariant } from '@orrery/environment'
import {
  type Entry,
  type MemberId,
  type Membership,
  type MembershipChange,
  type Message,
  type Raft,
  type Ready,
  changeMembership,
  createRaft,
  decodeMembershipChange,
  decodeMessages,
  encodeMessages,
} from '@orrery/raft'
import type { RegisterOutput } from '../checkers/models.ts'
import type { SimulatedNetwork } from '../network/simulated-network.ts'
import { chance, exponential } from '../time/draw.ts'
import type { Simulation } from '../time/simulation.ts'
import type { SimulatedNode } from '../time/simulated-node.ts'
import type { RaftCounters } from './coverage.ts'
import type { MemberDisk, MemberState } from './member-disk.ts'
import type { RaftFaults } from './raft-faults.ts'
import type { ObservedMember, RaftInvariants } from './raft-invariants.ts'
import { type CommandResult, type RegisterCommand, applyEntry, encodeCommand } from './registers.ts'
import type { Sabotage } from './sabotage.ts'

/** What members share. */
export interface RaftWorld {
  readonly simulation: Simulation
  readonly network: SimulatedNetwork
  readonly invariants: RaftInvariants
  readonly counters: RaftCounters
  readonly sabotage: Sabotage
  /** Changes when faults end. */
  faults: RaftFaults
  /** All that ever were, by id. */
  readonly members: ReadonlyMap<MemberId, SimulatedMember>
  /** Never used twice. */
  nextContext(): number
  /** A command took effect at a member, perhaps not the first one. */
  onEffect(result: CommandResult): void
  /** Something became durable. */
  onWritten(member: SimulatedMember): void
  /** A membership came into force somewhere. */
  onMembership(member: SimulatedMember, before: Membership, after: Membership): void
}

interface Write {
  /** Undefined: a checkpoint. */
  readonly ready: Ready | undefined
  readonly state: MemberState | undefined
  readonly compactIndex: number
}

interface WaitingRead {
  readonly key: string
  readonly answer: (value: number) => void
  readonly refuse: () => void
  /** Undefined until the core has answered. */
  index: number | undefined
  readonly committedIndex: number
}

/** What one process of a member has in memory. */
class MemberProcess {
  readonly raft: Raft
  state: MemberState
  readonly writes: Write[] = []
  /** How many of them the disk is working on. */
  writing = 0
  readonly toApply: Entry[] = []
  isApplying = false
  hasTurn = false
  /** States that arrived with snapshots. */
  readonly received = new Map<number, MemberState>()
  readonly proposals = new Map<string, (output: RegisterOutput) => void>()
  readonly reads = new Map<number, WaitingRead>()
  /** A snapshot was handed out and is not durable: the core is ahead of the state. */
  isInstalling = false
  /** Indexes of the membership changes in the log. */
  changes: number[] = []

  constructor(raft: Raft, state: MemberState) {
    this.raft = raft
    this.state = state
  }
}

/** More than clients can cause. */
const sentMaxPerSecond = 25_000

/** A host of the consensus core: disk, timers, messages and replicated registers, all in virtual time. */
export class SimulatedMember implements ObservedMember {
  readonly id: MemberId
  readonly name: string
  readonly node: SimulatedNode
  readonly disk: MemberDisk
  readonly #world: RaftWorld
  readonly #random: Random
  #process: MemberProcess | undefined
  #second = 0
  #sentThisSecond = 0

  constructor(
    world: RaftWorld,
    identity: { readonly id: MemberId; readonly node: SimulatedNode },
    disk: MemberDisk,
  ) {
    this.#world = world
    this.id = identity.id
    this.node = identity.node
    this.name = identity.node.name
    this.disk = disk
    this.#random = world.simulation.random.fork(`member ${this.name}`)
  }

  get incarnation(): number {
    return this.node.incarnation
  }

  /** Undefined while there is no process. */
  get raft(): Raft | undefined {
    return this.#process?.raft
  }

  get state(): MemberState | undefined {
    return this.#process?.state
  }

  /** Whether reads of this process are neither answered nor refused. */
  get hasReads(): boolean {
    return (this.#process?.reads.size ?? 0) > 0
  }

  start(): void {
    const { clock, random } = this.node.start()
    const { sabotage, faults } = this.#world
    const start = sabotage.changeStart(this.disk.start, this.id)
    const raft = createRaft({ id: this.id, start, random: (bound) => random.below(bound) }, faults.raft)
    this.#process = new MemberProcess(sabotage.wrap(raft, this.id), this.disk.state)
    this.#process.changes = start.entries
      .filter(({ type }) => type === 'membership')
      .map(({ index }) => index)
    if (this.incarnation > 1) this.#world.counters.restarts++
    this.#tickEvery(clock)
    this.#afterInput()
  }

  /** Loses memory, and of what the disk was asked for any number of the last batches. */
  crash(): void {
    const process = this.#process
    if (process === undefined) return
    this.#process = undefined
    this.node.crash()
    const { counters } = this.#world
    counters.crashes++
    const survivors = this.#random.below(process.writes.length + 1)
    if (survivors < process.writes.length) counters.lostWrites++
    for (const write of process.writes.slice(0, survivors)) this.#perform(write)
  }

  propose(command: RegisterCommand, answer: (output: RegisterOutput) => void): boolean {
    const process = this.#process
    if (process === undefined) return false
    const result = process.raft.propose([{ type: 'command', payload: encodeCommand(command) }])
    if (result.ok) process.proposals.set(`${command.client} ${command.sequence}`, answer)
    else this.#countRefusal(result.reason)
    this.#afterInput()
    return result.ok
  }

  changeMembership(payload: Uint8Array): void {
    this.input((raft) => raft.propose([{ type: 'membership', payload }]))
  }

  /** A linearizable read of this member's state. */
  read(key: string, answer: (value: number) => void, refuse: () => void): boolean {
    const process = this.#process
    if (process === undefined) return false
    const context = this.#world.nextContext()
    const { committedIndex } = this.#world.invariants
    const { ok } = process.raft.readIndex(context)
    if (ok) process.reads.set(context, { key, answer, refuse, index: undefined, committedIndex })
    this.#afterInput()
    return ok
  }

  /** Something else that a host may do to its core. */
  input(happen: (raft: Raft) => void): void {
    if (this.#process === undefined || this.node.state !== 'running') return
    happen(this.#process.raft)
    this.#afterInput()
  }

  /** A message arrived, and with a snapshot its state. */
  receive(message: Message, state: MemberState | undefined): void {
    const process = this.#process
    if (process === undefined) return
    const { trace } = this.#world.simulation
    if (trace.isRecording) trace.add(`${this.name} <- ${describeMessage(message)}`)
    if (state !== undefined) process.received.set(state.index, state)
    process.raft.step(message)
    this.#afterInput()
  }

  #tickEvery(clock: Clock): void {
    let dueMs = clock.nowMs() + this.#world.faults.tickMs
    const tick = (): void => {
      const { tickMs, catchesUpTicks } = this.#world.faults
      const missed = Math.floor((clock.nowMs() - dueMs) / tickMs)
      const ticks = catchesUpTicks ? Math.min(Math.max(0, missed), 30) + 1 : 1
      for (let i = 0; i < ticks; i++) this.#process?.raft.tick()
      dueMs = clock.nowMs() + tickMs
      clock.setTimer(tickMs, tick)
      this.#afterInput()
    }
    clock.setTimer(this.#random.float() * this.#world.faults.tickMs, tick)
  }

  /** Takes what the core wants, at once or after some more input. */
  #afterInput(): void {
    const process = this.#process
    if (process === undefined) return
    this.#observe(process)
    const { turnMeanMs } = this.#world.faults
    if (turnMeanMs === 0) {
      this.#turn(process)
      return
    }
    if (process.hasTurn) return
    process.hasTurn = true
    this.node.schedule(exponential(this.#random, turnMeanMs), () => {
      process.hasTurn = false
      this.#turn(process)
    })
  }

  #observe(process: MemberProcess): void {
    this.#world.invariants.observe(this, process.raft)
  }

  #turn(process: MemberProcess): void {
    for (let ready = process.raft.ready(); ready !== undefined; ready = process.raft.ready()) {
      this.#world.invariants.handedOut(this, process.raft, ready)
      this.#observe(process)
      this.#noteChanges(process, ready)
      if (ready.snapshot !== undefined) process.isInstalling = true
      if (ready.mustSync || ready.hardState !== undefined) {
        process.writes.push({ ready, state: this.#takeReceived(process, ready), compactIndex: 0 })
        if (ready.mustSync) this.#beginWrite(process)
      }
      for (const message of ready.messages) this.#send(process, message)
      process.toApply.push(...ready.committed)
      for (const { context, index } of ready.reads) this.#readConfirmed(process, context, index)
      for (const context of ready.droppedReads) this.#readDropped(process, context)
      this.#beginApply(process)
    }
  }

  #takeReceived(process: MemberProcess, { snapshot }: Ready): MemberState | undefined {
    if (snapshot === undefined) return undefined
    const state = process.received.get(snapshot.index)
    invariant(state?.term === snapshot.term, 'a snapshot is installed from the state that came with it')
    for (const index of process.received.keys()) if (index <= snapshot.index) process.received.delete(index)
    return state
  }

  /** A leader has at most one membership change that it has not applied. */
  #noteChanges(process: MemberProcess, { entries, snapshot }: Ready): void {
    const [first] = entries
    if (snapshot !== undefined) process.changes = []
    if (first === undefined) return
    const changes = process.changes.filter((index) => index < first.index)
    for (const { index, type } of entries) if (type === 'membership') changes.push(index)
    process.changes = changes
    if (process.raft.role !== 'leader') return
    const pending = changes.filter((index) => index > process.raft.appliedIndex)
    invariant(pending.length <= 1, `a leader has ${pending.length} membership changes in progress`)
  }

  #beginWrite(process: MemberProcess): void {
    if (process.writing > 0 || process.writes.length === 0) return
    process.writing = process.writes.length
    const { writeMinMs, writeMeanMs, stallRatio, stallMeanMs } = this.#world.faults
    const stallMs = chance(this.#random, stallRatio) ? exponential(this.#random, stallMeanMs) : 0
    this.node.schedule(writeMinMs + exponential(this.#random, writeMeanMs) + stallMs, () =>
      this.#written(process),
    )
  }

  #written(process: MemberProcess): void {
    const done = process.writes.splice(0, process.writing)
    process.writing = 0
    for (const write of done) {
      this.#perform(write)
      if (write.ready === undefined) process.raft.compact(write.compactIndex)
      else if (write.state !== undefined) this.#install(process, write.state)
    }
    const last = done.findLast(({ ready }) => ready !== undefined)?.ready
    const wasOnProbation = this.disk.hardState.isOnProbation
    if (last !== undefined) process.raft.persisted(last.number)
    if (process.writes.some(({ ready }) => ready?.mustSync !== false)) this.#beginWrite(process)
    this.#afterInput()
    this.#world.onWritten(this)
    if (wasOnProbation && !process.raft.status().isOnProbation) this.#world.counters.endedProbations++
  }

  #perform({ ready, state, compactIndex }: Write): void {
    if (ready !== undefined) this.#world.counters.truncations += this.disk.write(ready, state)
    else if (state !== undefined) this.disk.checkpoint(state, compactIndex)
  }

  #install(process: MemberProcess, state: MemberState): void {
    this.#world.invariants.installed(this, state)
    this.#world.counters.snapshotsInstalled++
    const before = process.state.membership
    process.state = state
    process.isInstalling = process.writes.some(({ ready }) => ready?.snapshot !== undefined)
    const covered = process.toApply.findLastIndex(({ index }) => index <= state.index)
    process.toApply.splice(0, covered + 1)
    this.#world.onMembership(this, before, state.membership)
    this.#answerReads(process)
  }

  #beginApply(process: MemberProcess): void {
    if (process.isApplying || process.toApply.length === 0) return
    const { applyMeanMs } = this.#world.faults
    if (applyMeanMs === 0) {
      this.#apply(process, process.toApply.length)
      return
    }
    process.isApplying = true
    this.node.schedule(exponential(this.#random, applyMeanMs), () => {
      process.isApplying = false
      this.#apply(process, 1 + this.#random.below(process.toApply.length + 1))
      this.#beginApply(process)
      this.#afterInput()
    })
  }

  #apply(process: MemberProcess, count: number): void {
    for (const entry of process.toApply.splice(0, count)) {
      const { index, term } = entry
      invariant(index === process.state.index + 1, 'entries are applied in order')
      const { registers, result } = applyEntry(process.state.registers, entry)
      const before = process.state.membership
      process.state = { index, term, membership: before, registers }
      if (entry.type === 'membership') this.#applyChange(process, decodeMembershipChange(entry.payload))
      this.#world.invariants.applied(this, entry, process.state)
      this.#world.counters.appliedEntries++
      process.raft.applied(index)
      if (result !== undefined) {
        this.#world.onEffect(result)
        const name = `${result.client} ${result.sequence}`
        process.proposals.get(name)?.(result.output)
        process.proposals.delete(name)
      }
    }
    this.#observe(process)
    this.#answerReads(process)
    this.#compact(process)
  }

  /** Who was removed does not come back under its id: its disk may be empty. */
  #applyChange(process: MemberProcess, change: MembershipChange): void {
    const { membership: before, registers, ...position } = process.state
    const isReturn = change.steps.some(
      ({ type, member }) => type !== 'remove' && registers.removed.includes(member),
    )
    if (isReturn) this.#world.counters.refusedReturns++
    const membership = isReturn ? before : afterChange(before, change)
    const inForce = process.raft.applyMembership(isReturn ? undefined : change)
    if (!process.isInstalling) this.#world.invariants.changed(this, membership, inForce)
    const gone = allOf(before).filter((id) => !allOf(membership).includes(id))
    const removed = gone.length === 0 ? registers.removed : [...registers.removed, ...gone]
    process.state = { ...position, membership, registers: { ...registers, removed } }
    this.#world.onMembership(this, before, membership)
  }

  #compact(process: MemberProcess): void {
    const { compactEveryEntries, compactKeepEntries } = this.#world.faults
    const { state, raft } = process
    if (state.index - raft.firstIndex < compactEveryEntries + compactKeepEntries) return
    if (process.writes.some(({ ready }) => ready === undefined)) return
    const compactIndex = state.index - compactKeepEntries
    this.#world.counters.compactions++
    process.writes.push({ ready: undefined, state, compactIndex })
    this.#beginWrite(process)
  }

  #readConfirmed(process: MemberProcess, context: number, index: number): void {
    const read = process.reads.get(context)
    invariant(read !== undefined && read.index === undefined, 'a read that was asked for is confirmed, once')
    invariant(
      index >= read.committedIndex,
      `stale read: confirmed at ${index}, but ${read.committedIndex} was committed before it was asked`,
    )
    read.index = index
    this.#answerReads(process)
  }

  #readDropped(process: MemberProcess, context: number): void {
    const read = process.reads.get(context)
    invariant(read !== undefined, 'a read that was asked for is dropped, once')
    process.reads.delete(context)
    this.#world.counters.droppedReads++
    read.refuse()
  }

  #answerReads(process: MemberProcess): void {
    for (const [context, read] of process.reads) {
      if (read.index === undefined || read.index > process.state.index) continue
      process.reads.delete(context)
      read.answer(process.state.registers.values[Number(read.key)] ?? 0)
    }
  }

  #send(process: MemberProcess, message: Message): void {
    const { network, members, simulation, sabotage } = this.#world
    const target = members.get(message.to)
    if (target === undefined) return
    this.#requireCalm()
    simulation.trace.mix(messageCode(message))
    if (simulation.trace.isRecording) simulation.trace.add(`${this.name} -> ${describeMessage(message)}`)
    if (message.type === 'snapshot') {
      this.#sendSnapshot(process, message, target)
      return
    }
    const isReachable = target.node.state !== 'stopped' && !network.isCut(this.node, target.node)
    if (!isReachable && this.#random.below(4) === 0) {
      this.node.schedule(1, () => this.input((raft) => raft.reportUnreachable(message.to)))
    }
    const sent = this.#world.faults.usesWireFormat ? throughWire(message) : message
    const receive = (): void => target.receive(sent, undefined)
    if (sabotage.outlivesProcesses) simulation.schedule(exponential(this.#random, 300), receive)
    network.send(this.node, target.node, receive)
  }

  /** Two members that answer each other for ever would look alive. */
  #requireCalm(): void {
    const second = Math.floor(this.#world.simulation.nowMs / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#sentThisSecond = 0
    }
    invariant(
      ++this.#sentThisSecond <= sentMaxPerSecond,
      `${this.name} sent ${sentMaxPerSecond} messages within a second`,
    )
  }

  /** The state travels beside the messages, for longer, and the sender learns how that went. */
  #sendSnapshot(
    process: MemberProcess,
    header: Message & { type: 'snapshot' },
    target: SimulatedMember,
  ): void {
    const { network, counters, faults } = this.#world
    const { state } = process
    const { index, term, membership } = state
    const message = { ...header, snapshot: { index, term, membership } }
    counters.snapshotsSent++
    const takesMs = exponential(this.#random, faults.snapshotMeanMs)
    let isThere = false
    this.node.schedule(takesMs, () => {
      network.send(this.node, target.node, () => {
        isThere = true
        target.receive(message, state)
      })
    })
    this.node.schedule(takesMs + 200, () => {
      if (!isThere) counters.snapshotsFailed++
      this.input((raft) => raft.reportSnapshot(message.to, isThere ? 'sent' : 'failed'))
    })
  }

  #countRefusal(reason: 'noLeader' | 'transferring' | 'tooManyUncommitted' | 'notMember'): void {
    const { counters } = this.#world
    if (reason === 'noLeader') counters.refusedNoLeader++
    else if (reason === 'transferring') counters.refusedTransferring++
    else if (reason === 'notMember') counters.refusedNotMember++
    else counters.refusedTooManyUncommitted++
  }
}

/** What a change should lead to: a committed one is always valid. */
function afterChange(before: Membership, change: MembershipChange): Membership {
  const result = changeMembership(before, change)
  invariant(result.ok, 'a committed membership change fits the membership')
  return result.membership
}

/** Everybody in a membership, in any order, those who are to be learners included. */
export function allOf({ voters, outgoingVoters, learners }: Membership): MemberId[] {
  return [...voters, ...outgoingVoters.filter((id) => !voters.includes(id)), ...learners]
}

function throughWire(message: Message): Message {
  const [decoded] = decodeMessages(encodeMessages([message]))
  invariant(decoded !== undefined, 'a message is decoded')
  return decoded
}

function messageCode(message: Message): number {
  const index = 'index' in message ? message.index : 0
  const commitIndex = 'commitIndex' in message ? message.commitIndex : 0
  return Math.imul(message.type.length * 31 + message.term, 31) + index + commitIndex * 7 + Number(message.to)
}

function describeMessage(message: Message): string {
  const text = JSON.stringify(message, (key, value: unknown) => {
    if (key === 'type' || key === 'from' || key === 'to' || key === 'payload') return undefined
    return typeof value === 'bigint' ? String(value) : value
  })
  return `${message.type} ${message.from}>${message.to} ${text}`
}
