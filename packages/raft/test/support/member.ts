import { invariant } from '@orrery/environment'
import type {
  Entry,
  HardState,
  MemberId,
  Membership,
  Message,
  Proposal,
  Raft,
  RaftOptions,
  ReadState,
  Ready,
} from '@orrery/raft'
import { createRaft, decodeMembershipChange, emptyMembership } from '@orrery/raft'

/** A state machine that only remembers what was applied to it. */
export interface State {
  readonly index: number
  readonly term: number
  readonly membership: Membership
  /** All that was applied, as {@link fingerprint}s, from index 1 on. */
  readonly history: readonly string[]
}

/** What a crash leaves. */
export interface Disk {
  hardState: HardState
  previousIndex: number
  previousTerm: number
  entries: Entry[]
  /** A state that was made durable; the log begins at it or before. */
  state: State
}

/** A message, with the state that travels beside a snapshot. */
export interface Sent {
  readonly message: Message
  readonly state: State | undefined
}

export const noState: State = { index: 0, term: 0, membership: emptyMembership, history: [] }

/** An empty disk of a member that knows `membership` from the start. */
export function emptyDisk(membership: Membership): Disk {
  return {
    hardState: { term: 0, vote: 0n, commitIndex: 0, isOnProbation: false },
    previousIndex: 0,
    previousTerm: 0,
    entries: [],
    state: { ...noState, membership },
  }
}

export function fingerprint({ index, term, type, payload }: Entry): string {
  return `${String(index)}/${String(term)} ${type} ${new TextDecoder('latin1').decode(payload)}`
}

export function command(text: string): Proposal {
  return { type: 'command', payload: new TextEncoder().encode(text) }
}

export interface MemberParts {
  readonly id: MemberId
  readonly disk: Disk
  readonly random: (bound: number) => number
  readonly options?: RaftOptions | undefined
}

/** A host that does each of its duties only when a test says so. */
export class TestMember {
  readonly id: MemberId
  readonly raft: Raft
  readonly disk: Disk
  /** Batches that are handed out and not durable. */
  readonly writes: Ready[] = []
  /** Entries that are handed out and not applied. */
  readonly toApply: Entry[] = []
  readonly sent: Sent[] = []
  readonly reads: ReadState[] = []
  readonly droppedReads: number[] = []
  /** States that arrived with snapshots, until they are installed. */
  readonly received = new Map<number, State>()
  state: State

  constructor({ id, disk, random, options }: MemberParts) {
    this.id = id
    this.disk = disk
    this.state = disk.state
    const { hardState, previousIndex, previousTerm, state } = disk
    const entries = [...disk.entries]
    const { index: appliedIndex, membership } = state
    const start = { hardState, previousIndex, previousTerm, entries, appliedIndex, membership }
    this.raft = createRaft({ id, random, start }, options)
  }

  /** Takes one batch, with its messages. Undefined: there was none. */
  handOut(): Ready | undefined {
    const ready = this.raft.ready()
    if (ready === undefined) return undefined
    if (ready.mustSync || ready.hardState !== undefined) this.writes.push(ready)
    for (const message of ready.messages) this.sent.push(this.#withState(message))
    this.toApply.push(...ready.committed)
    this.reads.push(...ready.reads)
    this.droppedReads.push(...ready.droppedReads)
    return ready
  }

  deliver({ message, state }: Sent): void {
    if (message.type === 'snapshot' && state !== undefined) this.received.set(state.index, state)
    this.raft.step(message)
  }

  /** Makes the oldest batches durable. */
  persist(count = this.writes.length): void {
    const done = this.writes.splice(0, count)
    for (const ready of done) this.#write(ready)
    const last = done.at(-1)
    if (last !== undefined) this.raft.persisted(last.number)
  }

  /** Power is lost while batches are written: the oldest of them made it, but nobody was told. */
  loseUnwritten(count: number): void {
    for (const ready of this.writes.splice(0).slice(0, count)) this.#write(ready)
  }

  /** Applies the oldest entries that were handed out. */
  apply(count = this.toApply.length): void {
    for (const entry of this.toApply.splice(0, count)) {
      invariant(entry.index === this.state.index + 1, 'entries are applied in order')
      const membership =
        entry.type === 'membership'
          ? this.raft.applyMembership(decodeMembershipChange(entry.payload))
          : this.state.membership
      const { index, term } = entry
      this.state = { index, term, membership, history: [...this.state.history, fingerprint(entry)] }
      this.raft.applied(index)
    }
  }

  /** Makes the state durable, and gives up the log before `index`. */
  checkpoint(index: number): void {
    this.disk.state = this.state
    if (index <= this.disk.previousIndex) return
    const kept = this.disk.entries.findIndex((entry) => entry.index > index)
    const dropped = kept < 0 ? this.disk.entries.splice(0) : this.disk.entries.splice(0, kept)
    this.disk.previousIndex = index
    this.disk.previousTerm = dropped.at(-1)?.term ?? this.disk.previousTerm
    this.raft.compact(index)
  }

  /** Does everything that is due, but for sending. */
  work(): void {
    while (this.handOut() !== undefined || this.writes.length + this.toApply.length > 0) {
      this.persist()
      this.apply()
    }
  }

  #withState(message: Message): Sent {
    if (message.type !== 'snapshot') return { message, state: undefined }
    const { index, term, membership } = this.state
    // The header may be older than the state: what is sent is the state as it is now.
    return { message: { ...message, snapshot: { index, term, membership } }, state: this.state }
  }

  #write({ snapshot, entries, hardState }: Ready): void {
    const { disk } = this
    if (snapshot !== undefined) {
      const state = this.received.get(snapshot.index)
      invariant(state !== undefined, 'a snapshot is installed from the state that came with it')
      for (const index of this.received.keys()) if (index <= state.index) this.received.delete(index)
      disk.state = state
      this.state = state
      this.toApply.splice(0, this.toApply.findLastIndex((entry) => entry.index <= snapshot.index) + 1)
      disk.previousIndex = snapshot.index
      disk.previousTerm = snapshot.term
      disk.entries = []
    }
    const [first] = entries
    if (first !== undefined) {
      disk.entries.length = Math.min(disk.entries.length, first.index - disk.previousIndex - 1)
      disk.entries.push(...entries)
    }
    if (hardState !== undefined) disk.hardState = hardState
  }
}
