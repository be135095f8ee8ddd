import { invariant } from '@orrery/environment'
import type { Entry, Raft, Ready } from '@orrery/raft'
import type { RegisterOutput } from '../checkers/models.ts'
import type { MemberState } from './member-disk.ts'
import type { MemberReads } from './member-reads.ts'

/** Something that the disk is asked for. */
export interface Write {
  /** Undefined: a checkpoint. */
  readonly ready: Ready | undefined
  readonly state: MemberState | undefined
  readonly compactIndex: number
}

/** What one process of a member has in memory. */
export class MemberProcess {
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
  readonly reads: MemberReads
  /** A snapshot was handed out and is not durable: the core is ahead of the state. */
  isInstalling = false
  /** Indexes of the membership changes in the log. */
  changes: number[] = []

  constructor(raft: Raft, state: MemberState, reads: MemberReads) {
    this.raft = raft
    this.state = state
    this.reads = reads
  }

  /** The state that came with the snapshot of a batch. */
  takeReceived({ snapshot }: Ready): MemberState | undefined {
    if (snapshot === undefined) return undefined
    const state = this.received.get(snapshot.index)
    invariant(state?.term === snapshot.term, 'a snapshot is installed from the state that came with it')
    for (const index of this.received.keys()) if (index <= snapshot.index) this.received.delete(index)
    this.isInstalling = true
    return state
  }

  /** A leader has at most one membership change that it has not applied. */
  noteChanges({ entries, snapshot }: Ready): void {
    const [first] = entries
    if (snapshot !== undefined) this.changes = []
    if (first === undefined) return
    const changes = this.changes.filter((index) => index < first.index)
    for (const { index, type } of entries) if (type === 'membership') changes.push(index)
    this.changes = changes
    if (this.raft.role !== 'leader') return
    const pending = changes.filter((index) => index > this.raft.appliedIndex)
    invariant(pending.length <= 1, `a leader has ${pending.length} membership changes in progress`)
  }
}
