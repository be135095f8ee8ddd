import type { MemberId } from '@orrery/raft'
import type { NodeProposal } from './proposal.ts'

/** An entry whose turn it is to be applied. */
export type Committed<P extends NodeProposal> =
  /** A change of the host's state. */
  | {
      readonly type: 'command'
      readonly index: number
      readonly term: number
      /** What the host proposed, without the headroom. A view. */
      readonly content: Uint8Array
      /** What was proposed, when this member did and somebody still waits. */
      readonly proposal: P | undefined
    }
  /** The cluster's members have changed. The host keeps `members` beside its state. */
  | { readonly type: 'members'; readonly index: number; readonly term: number; readonly members: Uint8Array }
  /** Nothing for the host but the index. */
  | { readonly type: 'empty'; readonly index: number; readonly term: number }

/** A state that a member sends to another. */
export interface StateContent {
  /** The last entry that is in it. */
  readonly index: number
  readonly content: AsyncIterable<Uint8Array>
}

/** Where in the log a state stands. */
export interface StateStanding {
  /** The last entry that is in it. */
  readonly index: number
  readonly term: number
  /** What {@link Committed} told of the members last. */
  readonly members: Uint8Array
}

/** Who leads, as far as this member knows. */
export interface Leadership {
  readonly term: number
  /** 0: unknown. */
  readonly leaderId: MemberId
  readonly isLeader: boolean
}

/** The state machine around a member. Its methods are called from turns of their own, never from within a call. */
export interface NodeHost {
  /** `RaftNode.take` has something. */
  onCommitted(): void
  onLeadership(leadership: Leadership): void
  /** The state as of the last entry taken, pinned until its content was read or abandoned. */
  readState(): StateContent
  /**
   * Takes a state in and makes it durable beside the present one, which stays in use.
   *
   * @param standing where in the log the state stands: durable together with it
   * @returns its name; {@link NodeHost.discardState} makes it void
   */
  receiveState(content: AsyncIterable<Uint8Array>, standing: StateStanding): Promise<string>
  /** Puts a state that was received in the place of the present one. From now on entries after `index` are taken. */
  installState(name: string): Promise<void>
  /** A state that was received is not needed. */
  discardState(name: string): void
  /** Answers a question of the host of another member. */
  onRequest(from: MemberId, request: Uint8Array): Promise<Uint8Array>
  /** This member was removed from the cluster. */
  onRemoved(): void
  /** The member does nothing any more. */
  onFailure(error: Error): void
}
