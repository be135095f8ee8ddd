import { invariant } from '@orrery/environment'
import type { Entry, MemberId, Membership, Message, Ready } from '@orrery/raft'
import type { Disk, TestMember } from './member.ts'
import { fingerprint } from './member.ts'

/** What must hold whatever happens. Raft, figure 3. */
export class Checker {
  readonly #leaders = new Map<number, MemberId>()
  /** By index and term: what the entry is, and the term before it. */
  readonly #entries = new Map<string, string>()
  /** By index, from 1. */
  readonly #committed: { readonly term: number; readonly text: string }[] = []
  readonly #completeLeaders = new Set<string>()
  /** Whether the disks of a majority are looked at when something is committed. */
  readonly #disks: ReadonlyMap<MemberId, Disk> | undefined

  /** @param foundedTo how many entries all members have compacted when they are founded */
  constructor(disks?: ReadonlyMap<MemberId, Disk>, foundedTo = 0) {
    this.#disks = disks
    for (let index = 1; index <= foundedTo; index++) this.#committed.push({ term: 1, text: 'founded' })
  }

  /** The highest entry that any member knows to be committed. */
  get committedIndex(): number {
    return this.#committed.length
  }

  /** A member did something. */
  observe(member: TestMember): void {
    const { raft } = member
    const status = raft.status()
    invariant(
      status.appliedIndex <= status.commitIndex && status.commitIndex <= status.lastIndex,
      'applied <= committed <= last',
    )
    if (status.role === 'leader') this.#observeLeader(member)
    this.#observeCommit(member)
  }

  /** A member handed out a batch. */
  handedOut(member: TestMember, ready: Ready): void {
    for (const message of ready.messages) this.#observeMessage(member, message)
    let before = ready.entries[0] && member.raft.termAt(ready.entries[0].index - 1)
    for (const entry of ready.entries) {
      this.#observeEntry(entry, before)
      before = entry.term
    }
    for (const entry of ready.committed) {
      invariant(
        this.#committed[entry.index - 1]?.text === fingerprint(entry),
        `state machine safety: ${fingerprint(entry)} is applied`,
      )
    }
  }

  /** Election safety: at most one leader in a term. Leader completeness: it has all that is committed. */
  #observeLeader({ id, raft }: TestMember): void {
    const known = this.#leaders.get(raft.term)
    invariant(
      known === undefined || known === id,
      `election safety: two leaders in term ${String(raft.term)}`,
    )
    this.#leaders.set(raft.term, id)
    const key = `${String(id)}/${String(raft.term)}`
    if (this.#completeLeaders.has(key)) return
    this.#completeLeaders.add(key)
    this.#committed.forEach(({ term, text }, at) => {
      const index = at + 1
      if (index < raft.firstIndex) return
      invariant(raft.termAt(index) === term, `leader completeness: ${String(id)} lacks ${text}`)
    })
  }

  /** Log matching: an entry with the same index and term is the same, and so is all before it. */
  #observeEntry(entry: Entry, termBefore: number | undefined): void {
    const key = `${String(entry.index)}/${String(entry.term)}`
    const text = `${fingerprint(entry)} after term ${String(termBefore)}`
    const known = this.#entries.get(key)
    invariant(known === undefined || known === text, `log matching: ${text}, but also ${String(known)}`)
    this.#entries.set(key, text)
  }

  #observeCommit(member: TestMember): void {
    const { raft } = member
    for (let index = this.#committed.length + 1; index <= raft.commitIndex; index++) {
      const term = raft.termAt(index)
      invariant(term !== undefined, 'what is newly committed is not compacted')
      const key = `${String(index)}/${String(term)}`
      const text = this.#entries.get(key)?.replace(/ after term .*$/, '')
      invariant(text !== undefined, `${key} was written before it was committed`)
      invariant(raft.role === 'leader', 'leaders commit first')
      this.#committed.push({ term, text })
      if (this.#disks !== undefined) this.#checkDurable(raft.membership, index, term)
    }
    // Whoever says that something is committed says the same.
    const last = this.#committed[raft.commitIndex - 1]
    if (last !== undefined && raft.commitIndex >= raft.firstIndex) {
      invariant(
        raft.termAt(raft.commitIndex) === last.term,
        'state machine safety: two entries are committed',
      )
    }
  }

  #checkDurable({ voters, outgoingVoters }: Membership, index: number, term: number): void {
    for (const list of [voters, outgoingVoters]) {
      if (list.length === 0) continue
      const durable = list.filter((id) => holds(this.#disks?.get(id), index, term)).length
      invariant(durable * 2 > list.length, `${String(index)} was committed on ${String(durable)} disks`)
    }
  }

  /** Nothing is said that a crash could make untrue. */
  #observeMessage({ disk }: TestMember, message: Message): void {
    const { hardState } = disk
    if (message.type === 'voteResponse' && message.isGranted) {
      invariant(hardState.term === message.term && hardState.vote === message.to, 'a vote is durable')
    }
    if (message.type === 'vote') {
      invariant(hardState.term === message.term && hardState.vote === message.from, 'a candidacy is durable')
      invariant(lastIndexOf(disk) === message.lastIndex, 'a candidate asks with a durable log')
    }
    if (message.type === 'appendResponse' && !message.isRejected) {
      invariant(lastIndexOf(disk) >= message.index, 'an acknowledgement is durable')
      invariant(hardState.term === message.term, 'the term of an acknowledgement is durable')
    }
  }
}

function lastIndexOf({ previousIndex, entries }: Disk): number {
  return previousIndex + entries.length
}

function holds(disk: Disk | undefined, index: number, term: number): boolean {
  if (disk === undefined) return false
  if (index <= disk.previousIndex) return true
  return disk.entries[index - disk.previousIndex - 1]?.term === term
}
