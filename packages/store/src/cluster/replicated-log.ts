import { type NodeProposal, proposalHeadroomBytes, type RaftNode } from '@orrery/raft-node'
import { decodeCommand } from '../command-decoder.ts'
import type { Committed, CommitLog, Proposal } from '../ports.ts'
import { toStoreError } from './errors.ts'

/** A proposal on its way through a cluster. */
export interface ReplicatedProposal extends NodeProposal {
  readonly proposal: Proposal
}

/** The log of a store that a cluster keeps. */
export class ReplicatedLog implements CommitLog {
  onCommit: (() => void) | undefined
  onFailure: ((error: Error) => void) | undefined
  onIdle: (() => void) | undefined
  readonly #node: RaftNode<ReplicatedProposal>
  #waiting = 0

  constructor(node: RaftNode<ReplicatedProposal>) {
    this.#node = node
  }

  get waiting(): number {
    return this.#waiting
  }

  get commitIndex(): number {
    return this.#node.status().commitIndex
  }

  propose(encoded: Uint8Array, { command, isLeaderOnly, resolve, reject }: Proposal): void {
    const payload = Buffer.allocUnsafe(proposalHeadroomBytes + encoded.length)
    payload.set(encoded, proposalHeadroomBytes)
    const proposal: Proposal = {
      command,
      isLeaderOnly,
      resolve: (result) => {
        this.#waiting--
        resolve(result)
      },
      reject: (error) => {
        this.#waiting--
        reject(error)
        if (this.#waiting === 0) this.onIdle?.()
      },
    }
    try {
      this.#node.propose({
        payload,
        isLeaderOnly,
        proposal,
        reject: (error) => proposal.reject(toStoreError(error)),
      })
    } catch (error) {
      throw toStoreError(error)
    }
    this.#waiting++
  }

  take(): Committed | undefined {
    const entry = this.#node.take()
    if (entry === undefined) return undefined
    const { index, term } = entry
    switch (entry.type) {
      case 'command': {
        const proposal = entry.proposal?.proposal
        return {
          index,
          term,
          command: proposal?.command ?? decodeCommand(entry.content),
          members: undefined,
          proposal,
        }
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
    return this.#barrier(options)
  }

  release(index: number): void {
    this.#node.release(index)
  }

  close(): Promise<void> {
    return this.#node.close()
  }

  async #barrier(options: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    try {
      await this.#node.readBarrier(options)
    } catch (error) {
      throw toStoreError(error)
    }
  }
}
