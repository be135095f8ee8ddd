import type { MemberId } from './entry.ts'
import type { InflightLimits } from './inflights.ts'
import type { Membership } from './membership.ts'
import { emptyMembership, membersOf } from './membership.ts'
import { Progress } from './progress.ts'
import { majorityReached } from './quorum.ts'

/** What a leader knows of all members, and what majorities of them have reached. */
export class Tracker {
  readonly #limits: InflightLimits
  #byId = new Map<MemberId, Progress>()
  #voters: Progress[] = []
  #outgoing: Progress[] = []
  #membership: Membership = emptyMembership
  /** Reused: this is computed for every answer. */
  readonly #values: number[] = []

  constructor(limits: InflightLimits) {
    this.#limits = limits
  }

  /** Everybody, in order of id. */
  get all(): Iterable<Progress> {
    return this.#byId.values()
  }

  get membership(): Membership {
    return this.#membership
  }

  get(id: MemberId): Progress | undefined {
    return this.#byId.get(id)
  }

  /** Forgets everybody. */
  clear(): void {
    this.#byId = new Map()
    this.#voters = []
    this.#outgoing = []
    this.#membership = emptyMembership
  }

  /** Tracks the members of `membership`; those who are new begin at `next`. */
  track(membership: Membership, start: { readonly next: number; readonly tick: number }): void {
    const byId = new Map<MemberId, Progress>()
    for (const id of membersOf(membership)) {
      byId.set(id, this.#byId.get(id) ?? new Progress(id, start, this.#limits))
    }
    this.#byId = byId
    this.#membership = membership
    this.#voters = pick(byId, membership.voters)
    this.#outgoing = pick(byId, membership.outgoingVoters)
  }

  /** The highest entry that is durable on a majority; both, in joint consensus. Raft, figure 2, Leaders. */
  replicatedIndex(): number {
    return this.#reached((progress) => progress.match)
  }

  /** The newest round of reads that a majority confirmed. */
  confirmedRound(): number {
    return this.#reached((progress) => progress.confirmedRound)
  }

  /** When a majority was last heard of. Unit: ticks. */
  quorumHeardTick(): number {
    return this.#reached((progress) => progress.heardTick)
  }

  #reached(value: (progress: Progress) => number): number {
    return Math.min(this.#majority(this.#voters, value), this.#majority(this.#outgoing, value))
  }

  #majority(voters: readonly Progress[], value: (progress: Progress) => number): number {
    const values = this.#values
    values.length = 0
    for (const progress of voters) values.push(value(progress))
    return majorityReached(values)
  }
}

function pick(byId: ReadonlyMap<MemberId, Progress>, ids: readonly MemberId[]): Progress[] {
  return ids.flatMap((id) => byId.get(id) ?? [])
}
