import type { Random } from '@orrery/environment'
import type { Disk, DiskOperation, DiskResult } from '@orrery/wal'
import { type DiskFault, type SimulatedDisk, type Survival, createSimulatedDisk } from '@orrery/wal/testing'
import { SimulationError } from '../errors.ts'
import { between, chance, exponential, pick } from '../time/draw.ts'
import type { CrashCause, SimulatedNode } from '../time/simulated-node.ts'
import type { Simulation } from '../time/simulation.ts'

/** How the disk of a node behaves. */
export interface DiskFaults {
  /** What an operation other than a sync takes. Unit: ms. */
  readonly operationMs: number
  /** What a sync takes at least. Unit: ms. */
  readonly syncMinMs: number
  /** On top of it, exponentially distributed. Unit: ms. */
  readonly syncMeanMs: number
  /** Syncs that take `syncStallMeanMs` longer. Within [0, 1]. */
  readonly syncStallRatio: number
  readonly syncStallMeanMs: number
  /** Syncs that fail with `EIO`; what they should have written is lost, though readers see it. Within [0, 1]. */
  readonly syncFailureRatio: number
  /**
   * What a loss of power leaves of that which was not synced: one of these is drawn each time. `prefix` keeps
   * a random number of bytes in the order of writing, `sectors` each 512-byte sector by a coin.
   */
  readonly survivals: readonly ('nothing' | 'everything' | 'prefix' | 'sectors')[]
}

/** A disk that takes time and keeps what was synced; a loss of power takes any part of the rest. */
export const reliableDisk: DiskFaults = {
  operationMs: 0.02,
  syncMinMs: 0.2,
  syncMeanMs: 0.3,
  syncStallRatio: 0,
  syncStallMeanMs: 0,
  syncFailureRatio: 0,
  survivals: ['nothing', 'everything', 'prefix', 'sectors'],
}

/** Draws how a disk misbehaves in one run: each kind of fault is present in about half of all runs. */
export function drawDiskFaults(random: Random): DiskFaults {
  const present = (label: string, min: number, max: number): number => {
    const stream = random.fork(label)
    return chance(stream, 0.5) ? between(stream, min, max) : 0
  }
  return {
    ...reliableDisk,
    syncMeanMs: 0.3 + present('slow', 0, 20),
    syncStallRatio: present('stall', 0, 0.02),
    syncStallMeanMs: between(random.fork('stallMs'), 20, 1_000),
    syncFailureRatio: present('failure', 0, 0.000_5),
  }
}

/** The disk of a node. It outlives the processes of the node, and crashes with them. */
export interface NodeDisk {
  /**
   * The disk as the running process has it.
   *
   * @throws SimulationError `SIMULATION_NODE_STATE` when there is no process
   */
  open(): Disk
  setFaults(faults: DiskFaults): void
  /** Lets everything that needs space fail with `ENOSPC` after so many bytes more; undefined: never. */
  setFreeBytes(bytes: number | undefined): void
  /** What a reader sees: content by path. Copies. */
  files(): ReadonlyMap<string, Uint8Array>
  /**
   * Damages one bit of the medium, of a random file that `matches`; not of the zeros at its end.
   *
   * @returns the file; undefined when there is none with content
   */
  rot(matches?: (path: string) => boolean): string | undefined
  readonly counts: { readonly syncs: number; readonly failedSyncs: number; readonly refusedWrites: number }
}

class SeededNodeDisk implements NodeDisk {
  readonly #node: SimulatedNode
  readonly #simulation: Simulation
  readonly #random: Random
  #faults: DiskFaults
  #freeBytes: number | undefined
  #medium: SimulatedDisk
  /** What the running process has opened. */
  #opened: ProcessDisk[] = []
  readonly counts = { syncs: 0, failedSyncs: 0, refusedWrites: 0 }

  constructor(simulation: Simulation, node: SimulatedNode, faults: DiskFaults) {
    this.#simulation = simulation
    this.#node = node
    this.#random = simulation.random.fork(`disk ${node.name}`)
    this.#faults = faults
    this.#medium = createSimulatedDisk()
    node.onCrash((cause) => this.#crash(cause))
  }

  open(): Disk {
    if (this.#node.state === 'stopped') {
      throw new SimulationError('SIMULATION_NODE_STATE', `node ${this.#node.name} has no process`)
    }
    const process: ProcessDisk = new ProcessDisk({
      node: this.#node,
      nowMs: () => this.#simulation.nowMs,
      latencyMs: (operation) => this.#latencyMs(operation),
      medium: this.#medium.share({
        fault: (operation) => process.cutOff() ?? this.#fault(operation),
        schedule: (run) => process.schedule(run),
      }),
    })
    this.#opened.push(process)
    return process
  }

  setFaults(faults: DiskFaults): void {
    this.#faults = faults
  }

  setFreeBytes(bytes: number | undefined): void {
    this.#freeBytes = bytes
  }

  files(): ReadonlyMap<string, Uint8Array> {
    return this.#medium.files()
  }

  rot(matches: (path: string) => boolean = () => true): string | undefined {
    const files = [...this.files()].filter(([path]) => matches(path))
    const lengths = files.map(([path, content]) => ({ path, length: lengthWithoutZeros(content) }))
    const file = pick(
      this.#random,
      lengths.filter(({ length }) => length > 0),
    )
    if (file === undefined) return undefined
    this.#medium.flipBits(file.path, this.#random.below(file.length), 1 << this.#random.below(8))
    return file.path
  }

  #crash(cause: CrashCause): void {
    for (const process of this.#opened) process.performPart(this.#random)
    this.#opened = []
    this.#medium = cause === 'kill' ? this.#medium.kill() : this.#medium.crash(this.#drawSurvival())
  }

  #drawSurvival(): Survival {
    const type = pick(this.#random, this.#faults.survivals) ?? 'nothing'
    if (type === 'prefix') return { type, bytes: this.#random.below(100_000) }
    return type === 'sectors' ? { type: 'random', random: this.#random } : { type }
  }

  #latencyMs({ type }: DiskOperation): number {
    if (type !== 'sync' && type !== 'syncDirectory') return this.#faults.operationMs
    const { syncMinMs, syncMeanMs, syncStallRatio, syncStallMeanMs } = this.#faults
    const stallMs = chance(this.#random, syncStallRatio) ? exponential(this.#random, syncStallMeanMs) : 0
    return syncMinMs + exponential(this.#random, syncMeanMs) + stallMs
  }

  #fault(operation: DiskOperation): DiskFault | undefined {
    if (operation.type === 'sync') {
      this.counts.syncs++
      if (!chance(this.#random, this.#faults.syncFailureRatio)) return undefined
      this.counts.failedSyncs++
      return { type: 'error', errno: 'EIO' }
    }
    const bytes = spaceOf(operation)
    if (this.#freeBytes === undefined || bytes === 0) return undefined
    if (bytes <= this.#freeBytes) {
      this.#freeBytes -= bytes
      return undefined
    }
    const written = this.#freeBytes
    this.#freeBytes = 0
    this.counts.refusedWrites++
    return { type: 'shortWrite', bytes: written }
  }
}

function lengthWithoutZeros(content: Uint8Array): number {
  let { length } = content
  while (length > 0 && content[length - 1] === 0) length--
  return length
}

function spaceOf(operation: DiskOperation): number {
  if (operation.type === 'write') return operation.bytes.length
  return operation.type === 'fill' ? operation.length : 0
}

/** The disk as one process sees it: what it waits for happens to that process only. */
class ProcessDisk implements Disk {
  readonly #node: SimulatedNode
  readonly #incarnation: number
  readonly #nowMs: () => number
  readonly #latencyMs: (operation: DiskOperation) => number
  readonly #medium: SimulatedDisk
  /** Batches that were submitted and have not happened, oldest first. */
  readonly #pending: (() => void)[] = []
  #submittedMs = 0
  #freeAtMs = 0
  /** Operations that still happen before the crash; undefined: there is none. */
  #left: number | undefined

  constructor(parts: {
    readonly node: SimulatedNode
    readonly nowMs: () => number
    readonly latencyMs: (operation: DiskOperation) => number
    readonly medium: SimulatedDisk
  }) {
    this.#node = parts.node
    this.#incarnation = parts.node.incarnation
    this.#nowMs = parts.nowMs
    this.#latencyMs = parts.latencyMs
    this.#medium = parts.medium
  }

  submit(operations: readonly DiskOperation[]): Promise<readonly DiskResult[]> {
    if (this.#isGone) return new Promise(() => {})
    this.#submittedMs = 0
    for (const operation of operations) this.#submittedMs += this.#latencyMs(operation)
    return this.#unlessGone(this.#medium.submit(operations))
  }

  close(): Promise<void> {
    if (this.#isGone) return new Promise(() => {})
    this.#submittedMs = 0
    return this.#unlessGone(this.#medium.close())
  }

  /** Batches happen one after the other, each when its time is over. */
  schedule(run: () => void): void {
    this.#freeAtMs = Math.max(this.#freeAtMs, this.#nowMs()) + this.#submittedMs
    this.#pending.push(run)
    this.#node.schedule(this.#freeAtMs - this.#nowMs(), () => this.#pending.shift()?.())
  }

  /** The process is gone: a random part of what the disk was about to do still happens. */
  performPart(random: Random): void {
    this.#left = random.below(4)
    for (const run of this.#pending.splice(0)) run()
  }

  cutOff(): DiskFault | undefined {
    if (this.#left === undefined) return undefined
    return this.#left-- > 0 ? undefined : { type: 'crash' }
  }

  get #isGone(): boolean {
    return this.#node.state === 'stopped' || this.#node.incarnation !== this.#incarnation
  }

  /** A process that is gone learns nothing any more. */
  #unlessGone<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      const pass = (): void => {
        if (!this.#isGone) resolve(work)
      }
      work.then(pass, pass)
    })
  }
}

/**
 * Gives a node a disk. It lives on virtual time: slow syncs, failing syncs, a full disk, rot; and when the
 * node loses power, what was not synced is lost in part, down to single sectors.
 */
export function createNodeDisk(
  simulation: Simulation,
  node: SimulatedNode,
  faults: DiskFaults = reliableDisk,
): NodeDisk {
  return new SeededNodeDisk(simulation, node, faults)
}
