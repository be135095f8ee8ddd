import type { CallOptions, ReadOptions } from '../store.ts'

/** One member of a store's cluster. */
export interface ClusterMember {
  readonly id: bigint
  /** Empty until the member has started for the first time. */
  readonly name: string
  /** Where the other members reach it. */
  readonly peerAddresses: readonly string[]
  /** Where clients reach it; empty until it has started. */
  readonly clientUrls: readonly string[]
  /** Receives all writes, and is not counted when a majority is needed. */
  readonly isLearner: boolean
}

/** A change of the membership that took effect. */
export interface MembershipChanged {
  /** In order of id. */
  readonly members: readonly ClusterMember[]
}

/**
 * Who keeps the store. One change at a time; every member can be asked, the leader decides.
 *
 * All changes reject with a StoreError: `STORE_NOT_REPLICATED` for a store of one process,
 * `STORE_MEMBER_NOT_FOUND`, `STORE_UNHEALTHY_CLUSTER`, `STORE_TIMED_OUT`, `STORE_NO_LEADER`, and as noted.
 */
export interface Cluster {
  /** In order of id. Linearizable unless `serializable`. */
  members(options?: ReadOptions): Promise<readonly ClusterMember[]>
  /**
   * Makes room for a member that will join.
   *
   * @throws StoreError `STORE_PEER_ADDRESS_IN_USE`, `STORE_TOO_MANY_LEARNERS`, `STORE_NOT_ENOUGH_STARTED_MEMBERS`
   */
  add(
    member: { readonly peerAddresses: readonly string[]; readonly isLearner?: boolean | undefined },
    options?: CallOptions,
  ): Promise<MembershipChanged & { readonly member: ClusterMember }>
  /**
   * Removes a member for ever.
   *
   * @throws StoreError `STORE_NOT_ENOUGH_STARTED_MEMBERS`
   */
  remove(id: bigint, options?: CallOptions): Promise<MembershipChanged>
  /**
   * The other members reach it elsewhere from now on.
   *
   * @throws StoreError `STORE_PEER_ADDRESS_IN_USE`
   */
  update(id: bigint, peerAddresses: readonly string[], options?: CallOptions): Promise<MembershipChanged>
  /**
   * Makes a voter of a learner that has caught up.
   *
   * @throws StoreError `STORE_MEMBER_NOT_LEARNER`, `STORE_LEARNER_NOT_READY`
   */
  promote(id: bigint, options?: CallOptions): Promise<MembershipChanged>
  /**
   * Hands leadership from this member to another: what a host does before it closes the leader's store, so that
   * nobody has to find out that it is gone.
   *
   * @param to `'any'`: the voter that answers and has most of the log
   * @throws StoreError `STORE_NOT_LEADER`, `STORE_BAD_TRANSFEREE`, `STORE_TRANSFER_TIMED_OUT`
   */
  transferLeadership(to: bigint | 'any', options?: CallOptions): Promise<void>
}
