/**
 * Where heartbeats are noted for others to see, for members that do not forward them to each other: several
 * registries of one process, or many over Redis. Ages are by the store's own clock, and so the same for all.
 *
 * All calls fail with `HEARTBEATS_UNAVAILABLE` while the store cannot be reached.
 */
export interface HeartbeatStore {
  /** Notes a heartbeat of each of these subjects, now. */
  record(subjects: readonly string[]): Promise<void>
  /** What is known of each subject, in the same order. Undefined: nothing, or it was forgotten. */
  latest(subjects: readonly string[]): Promise<readonly (HeartbeatRecord | undefined)[]>
  /** Forgets subjects. Those that are not known do no harm. */
  remove(subjects: readonly string[]): Promise<void>
  /** False from the first call that fails for want of the store until one succeeds. */
  readonly available: boolean
  /** Ends what is in flight and lets go of connections. Safe to call twice. */
  close(): Promise<void>
}

/** What a heartbeat store knows of a subject. */
export interface HeartbeatRecord {
  /** How long ago the last heartbeat was. Not below 0. Unit: ms. */
  readonly ageMs: number
  /** Differs from one heartbeat to the next: tells a new one without a clock. */
  readonly stamp: string
}

/** Heartbeats that one member took for another, who judges their instances. */
export interface HeartbeatBatch {
  /** The member that sends. */
  readonly from: string
  /** Identifies its present life: counting begins anew with it. */
  readonly life: string
  /** From 1, one more each batch of this life to this receiver. */
  readonly sequence: number
  /** The revision of the sender's list of members. Says who judges what. */
  readonly ringRevision: number
  /** Paths of instances, as {@link instancePath} makes them. Empty: says only that the sender is there. */
  readonly beats: readonly string[]
  /** The sender takes no more heartbeats: nobody has to wait for it. */
  readonly isLast: boolean
}

/** What the receiver of a {@link HeartbeatBatch} says. */
export interface HeartbeatReply {
  /** The revision of the receiver's list of members. */
  readonly ringRevision: number
  /** Positions in `beats` of instances that the receiver does not know, or does not judge: send them again. */
  readonly refused: readonly number[]
}

/** The way from one member to the others, for heartbeats. What a host implements over its own transport. */
export interface HeartbeatPeers {
  /** Where others reach this member: what its record among the checkers tells them. */
  readonly address: string
  /** Brings a batch to the registry of another member, whose `receiveHeartbeats` answers. */
  send(
    address: string,
    batch: HeartbeatBatch,
    options: { readonly signal: AbortSignal },
  ): Promise<HeartbeatReply>
  /** Lets go of connections. Safe to call twice. */
  close(): Promise<void>
}
