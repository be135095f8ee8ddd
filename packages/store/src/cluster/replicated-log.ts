import { type NodeProposal, proposalHeadroomBytes, type RaftNode } from '@orrery/raft-node'
import { decodeCommand } from '../command-decoder.ts'
import type { Committed, CommitLog, Proposal } from '../ports.ts'
import type { CommandResult } from '../state-machine.ts'
import { asStoreErrors, toStoreError } from './errors.ts'

/** Those who wait for an answer. */
interface Waiting {
  count: number
  /** Nobody waits any more, because the log gave the last answer. */
  readonly onIdle: () => void
}

/** A proposal on its way through a cluster. One object for all who know of it: there is one for each write. */
export class ReplicatedProposal implements NodeProposal, Proposal {
  readonly payload: Uint8Array
  readonly command: Proposal['command']
  readonly isLeaderOnly: boolean
  readonly #proposal: Proposal
  readonly #waiting: Waiting

  constructor(encoded: Uint8Array, proposal: Proposal, waiting: Waiting) {
    this.payload = Buffer.allocUnsafe(proposalHeadroomBytes + encoded.length)
    this.payload.set(encoded, proposalHeadroomBytes)
    this.command = proposal.command
    this.isLeaderOnly = proposal.isLeaderOnly
    this.#proposal = proposal
    this.#waiting = waiting
  }

  resolve(result: CommandResult): void {
    this.#waiting.count--
    this.#proposal.resolve(result)
  }

  reject(error: unknown): void {
    this.#waiting.count--
    this.#proposal.reject(toStoreError(error))
    if (this.#waiting.count === 0) this.#waiting.onIdle()
  }
}

/** The log of a store that a cluster keeps. */
export class ReplicatedLog implements CommitLog {
  onCommit: (() => void) | undefined
  onFailure: ((error: Error) => void) | undefined
  onIdle: (() => void) | undefined
  readonly #node: RaftNode<ReplicatedProposal>
  readonly #waiting: Waiting = { count: 0, onIdle: () => this.onIdle?.() }

  constructor(node: RaftNode<ReplicatedProposal>) {
    this.#node = node
  }

  get waiting(): number {
    return this.#waiting.count
  }

  get commitIndex(): number {
    return this.#node.status().commitIndex
  }

  propose(encoded: Uint8Array, proposal: Proposal): void {
    try {
      this.#node.propose(new ReplicatedProposal(encoded, proposal, this.#waiting))
    } catch (error) {
      throw toStoreError(error)
    }
    this.#waiting.count++
  }

  take(): Committed | undefined {
    const entry = this.#node.take()
    if (entry === undefined) return undefined
    const { index, term } = entry
    switch (entry.type) {
      case 'command': {
        const { proposal } = entry
        const command = proposal?.command ?? decodeCommand(entry.content)
        return { index, term, command, members: undefined, proposal }
      }
      case 'members':
        return { index, term, command: undefined, members: entry.members, proposal: undefined }
      case 'empty':
        return { index, term, command: undefined, members: undefined, proposal: undefined }
    }
  }

  applied(index: number): void {
    this.#node.applied(index)
  }

  /** The node answers them, when it ends. */
  rejectAll(): void {}

  readBarrier(options: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    return asStoreErrors(() => this.#node.readBarrier(options))
  }

  release(index: number): void {
    this.#node.release(index)
  }

  close(): Promise<void> {
    return this.#node.close()
  }
}
