import { invariant, type Logger } from '@orrery/environment'
import {
  decodeMessages,
  encodeMessages,
  type MemberId,
  type Raft,
  type Snapshot,
  type SnapshotMessage,
} from '@orrery/raft'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { NodeError } from './errors.ts'
import type { NodeHost } from './host.ts'
import type { Lifecycle } from './lifecycle.ts'
import { MemberTable } from './member-table.ts'
import type { IncomingSnapshot, OutgoingSnapshot, Transport } from './ports.ts'

export interface SnapshotsParts {
  readonly memberId: MemberId
  readonly raft: Raft
  readonly transport: Transport
  readonly host: NodeHost
  readonly logger: Logger
  readonly lifecycle: Lifecycle
  readonly members: () => MemberTable
  /** Keeps the log after an index. */
  readonly hold: (index: number) => () => void
  /** The core was told something. */
  readonly onChange: () => void
}

/** A state that was received and is safe beside the present one. */
interface Received {
  readonly name: string
  readonly snapshot: Snapshot
  readonly members: MemberTable
}

/** A state that takes the place of the present one. */
export interface Installing {
  readonly snapshot: Snapshot
  readonly members: MemberTable
  readonly done: Promise<void>
}

/** States on their way from one member to another. The core only speaks of them. */
export class Snapshots {
  readonly #parts: SnapshotsParts
  readonly #aborts = new Set<AbortController>()
  /** Handed to the core, which has not taken it yet. */
  #received: Received | undefined
  /** Taken by the core in this batch; installed when the batch is durable. */
  #accepted: (Received & { readonly readyNumber: number }) | undefined
  #isInstalling = false

  constructor(parts: SnapshotsParts) {
    this.#parts = parts
  }

  /** The state is being replaced: nothing may be applied. */
  get isInstalling(): boolean {
    // The core counts a state that it was handed as its own at once: entries before it are not to be applied any more.
    return this.#isInstalling || this.#accepted !== undefined || this.#received !== undefined
  }

  /** Sends the present state to a member that needs it. */
  send(message: SnapshotMessage): void {
    const { to } = message
    const { raft, lifecycle, logger, onChange } = this.#parts
    const abort = new AbortController()
    this.#aborts.add(abort)
    const finish = (outcome: 'sent' | 'failed'): void => {
      this.#aborts.delete(abort)
      lifecycle.guard(() => raft.reportSnapshot(to, outcome))
      onChange()
    }
    this.#transfer(message, abort.signal).then(
      () => finish('sent'),
      (error: unknown) => {
        if (!abort.signal.aborted) logger.warn('a snapshot could not be sent', { to, error })
        finish('failed')
      },
    )
  }

  async #transfer(message: SnapshotMessage, signal: AbortSignal): Promise<void> {
    const { transport, hold } = this.#parts
    const { index, snapshot } = this.#pack(message)
    const release = hold(index)
    try {
      await transport.sendSnapshot(message.to, snapshot, { signal })
    } catch (error) {
      // It may be that nobody has begun to read: what is pinned is released all the same.
      snapshot.content[Symbol.asyncIterator]()
        .return?.()
        .catch(() => {})
      throw error
    } finally {
      release()
    }
  }

  #pack(message: SnapshotMessage): { index: number; snapshot: OutgoingSnapshot } {
    const { raft, host } = this.#parts
    // The core is ahead of the state; this member may even have come to lead meanwhile.
    if (this.isInstalling) throw new NodeError('NODE_FAILED', 'the state is being replaced')
    const { index, content } = host.readState()
    const term = raft.termAt(index)
    invariant(term !== undefined, 'the log holds the last entry that was applied, or begins behind it')
    const members = this.#parts.members()
    const snapshot: Snapshot = { index, term, membership: members.membership }
    const header = new ByteWriter().bytes(encodeMessages([{ ...message, snapshot }])).bytes(members.encode())
    return { index, snapshot: { header: header.finish(), content } }
  }

  /**
   * Takes a state in, and lets the core decide whether it is needed.
   *
   * @throws NodeError `NODE_DAMAGED` when its header has no meaning, `NODE_FAILED` when another state is being installed
   */
  async receive(incoming: IncomingSnapshot): Promise<void> {
    const { raft, host } = this.#parts
    const { message, members } = this.#readHeader(incoming)
    if (message.term < raft.term || message.snapshot.index <= raft.commitIndex) {
      // The answer to its message tells the sender why.
      this.#tellCore(message)
      return
    }
    this.#requireFree()
    const { index, term } = message.snapshot
    const name = await host.receiveState(incoming.content, { index, term, members: members.encode() })
    try {
      this.#parts.lifecycle.requireRunning()
      this.#requireFree()
    } catch (error) {
      host.discardState(name)
      throw error
    }
    this.#received = { name, snapshot: message.snapshot, members }
    this.#tellCore(message)
    // The core answers at once: if it wants the state, the next batch says so.
    queueMicrotask(() => queueMicrotask(() => this.#dropUnwanted(name)))
  }

  /** The name of the state that a batch of the core installs. */
  nameOf(snapshot: Snapshot | undefined, readyNumber: number): string | undefined {
    if (snapshot === undefined) return undefined
    const received = this.#received
    invariant(received?.snapshot.index === snapshot.index, 'the core installs what was received last')
    this.#received = undefined
    this.#accepted = { ...received, readyNumber }
    return received.name
  }

  /** Batches up to this one are durable: installs the state that one of them wants. */
  persisted(readyNumber: number): Installing | undefined {
    const accepted = this.#accepted
    if (accepted === undefined || accepted.readyNumber > readyNumber) return undefined
    const { name, snapshot, members } = accepted
    this.#accepted = undefined
    this.#isInstalling = true
    const done = this.#parts.host.installState(name).finally(() => {
      this.#isInstalling = false
    })
    return { snapshot, members, done }
  }

  /** Gives up what is on its way. */
  stop(reason: Error): void {
    for (const abort of this.#aborts) abort.abort(reason)
  }

  /** One state at a time. */
  #requireFree(): void {
    if (!this.isInstalling) return
    throw new NodeError('NODE_FAILED', 'another snapshot is being installed')
  }

  #dropUnwanted(name: string): void {
    if (this.#received?.name !== name) return
    this.#received = undefined
    this.#parts.host.discardState(name)
    // Entries have waited for the decision.
    this.#parts.host.onCommitted()
  }

  #tellCore(message: SnapshotMessage): void {
    const { lifecycle, raft, onChange } = this.#parts
    lifecycle.guard(() => raft.step(message))
    onChange()
  }

  #readHeader({ from, header }: IncomingSnapshot): { message: SnapshotMessage; members: MemberTable } {
    const reader = new ByteReader(header)
    const [message] = readMessages(reader.bytes())
    const members = MemberTable.decode(reader.bytes())
    reader.end()
    if (message?.type !== 'snapshot') throw new NodeError('NODE_DAMAGED', 'the header of a snapshot has none')
    if (message.from !== from || message.to !== this.#parts.memberId)
      throw new NodeError('NODE_DAMAGED', 'the header of a snapshot is of another one')
    return { message, members }
  }
}

function readMessages(bytes: Uint8Array): ReturnType<typeof decodeMessages> {
  try {
    return decodeMessages(bytes)
  } catch (error) {
    throw new NodeError('NODE_DAMAGED', 'the header of a snapshot has no meaning', { cause: error })
  }
}
