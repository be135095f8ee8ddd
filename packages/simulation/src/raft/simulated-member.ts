import { type Clock, type Random, invariant } from '@orrery/environment'
import {
  type MemberId,
  type MembershipChange,
  type Message,
  type ProposeResult,
  type Raft,
  createRaft,
  decodeMembershipChange,
} from '@orrery/raft'
import type { RegisterOutput } from '../checkers/models.ts'
import { chance, exponential } from '../time/draw.ts'
import type { SimulatedNode } from '../time/simulated-node.ts'
import type { MemberDisk, MemberState } from './member-disk.ts'
import { MemberProcess, type Write } from './member-process.ts'
import { type MemberRead, MemberReads } from './member-reads.ts'
import { MemberWire, describeMessage } from './member-wire.ts'
import { afterChange, allOf } from './memberships.ts'
import type { ObservedMember } from './raft-invariants.ts'
import type { RaftWorld } from './raft-world.ts'
import { type RegisterCommand, applyEntry, encodeCommand } from './registers.ts'

/** A host of the consensus core: disk, timers, messages and replicated registers, all in virtual time. */
export class SimulatedMember implements ObservedMember {
  readonly id: MemberId
  readonly name: string
  readonly node: SimulatedNode
  readonly disk: MemberDisk
  readonly #world: RaftWorld
  readonly #random: Random
  #process: MemberProcess | undefined
  readonly #wire: MemberWire

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
    this.#wire = new MemberWire(world, this)
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
    this.#process = new MemberProcess(
      sabotage.wrap(raft, this.id),
      this.disk.state,
      new MemberReads(this.#world),
    )
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
  read(read: MemberRead): boolean {
    const process = this.#process
    if (process === undefined) return false
    const ok = process.reads.ask(process.raft, read)
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
      process.noteChanges(ready)
      if (ready.mustSync || ready.hardState !== undefined) {
        process.writes.push({ ready, state: process.takeReceived(ready), compactIndex: 0 })
        if (ready.mustSync) this.#beginWrite(process)
      }
      for (const message of ready.messages) this.#wire.send(message, process.state)
      process.toApply.push(...ready.committed)
      for (const read of ready.reads) process.reads.confirmed(read)
      process.reads.answer(process.state)
      for (const context of ready.droppedReads) process.reads.dropped(context)
      this.#beginApply(process)
    }
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
    process.reads.answer(process.state)
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
    process.reads.answer(process.state)
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

  #countRefusal(reason: Extract<ProposeResult, { ok: false }>['reason']): void {
    const { counters } = this.#world
    if (reason === 'noLeader') counters.refusedNoLeader++
    else if (reason === 'transferring') counters.refusedTransferring++
    else if (reason === 'notMember') counters.refusedNotMember++
    else counters.refusedTooManyUncommitted++
  }
}
