import type { MemberId, Raft } from '@orrery/raft'
import {
  type ClusterMembers,
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  type NodeRequest,
  tagged,
  toNodeError,
  untagged,
} from './administration.ts'
import { NodeError } from './errors.ts'
import type { NodeHost } from './host.ts'
import type { Transport } from './ports.ts'
import type { WaitOptions } from './raft-node.ts'
import { type Waiter, withoutExpired } from './waiters.ts'
import { withSignal } from './with-signal.ts'

export interface NodeRequestsParts {
  readonly memberId: MemberId
  readonly raft: Raft
  readonly transport: Transport
  readonly host: NodeHost
  readonly requestTimeoutMs: number
  readonly nowMs: () => number
  /** Carries out a request of the node's own. */
  readonly carryOut: (request: NodeRequest) => Promise<ClusterMembers>
}

interface LeaderWaiter extends Waiter {
  readonly resolve: (value?: undefined) => void
}

/** Questions between members: those of their hosts, and those for the leader. */
export class NodeRequests {
  readonly #parts: NodeRequestsParts
  #waitForLeader: LeaderWaiter[] = []

  constructor(parts: NodeRequestsParts) {
    this.#parts = parts
  }

  /** Carries out a request here, or at the leader, for which it waits. */
  async askLeader(request: NodeRequest, { signal }: WaitOptions = {}): Promise<ClusterMembers> {
    const { raft, transport, carryOut } = this.#parts
    if (raft.leaderId === 0n) await this.#leader(signal)
    if (raft.role === 'leader') {
      return await withSignal<ClusterMembers>(signal, (resolve, reject) =>
        carryOut(request).then(resolve, reject),
      )
    }
    try {
      const content = tagged('node', encodeRequest(request))
      return decodeAnswer(
        await transport.request(raft.leaderId, content, signal === undefined ? {} : { signal }),
      )
    } catch (error) {
      signal?.throwIfAborted()
      throw toNodeError(error)
    }
  }

  /** Asks the host of another member. */
  async askHost(
    to: MemberId | 'leader',
    request: Uint8Array,
    { signal }: WaitOptions = {},
  ): Promise<Uint8Array> {
    const { raft, transport, memberId } = this.#parts
    const receiver = to === 'leader' ? raft.leaderId : to
    if (receiver === 0n || receiver === memberId) {
      throw new NodeError('NODE_NO_LEADER', 'there is no other member that leads')
    }
    return await transport.request(receiver, tagged('host', request), signal === undefined ? {} : { signal })
  }

  /** Answers another member, or somebody who wants to become one (0): who may only ask for the members. */
  async answer(from: MemberId, request: Uint8Array): Promise<Uint8Array> {
    const { host, carryOut, raft } = this.#parts
    const { receiver, content } = untagged(request)
    if (receiver === 'host') {
      if (from === 0n) throw stranger()
      return await host.onRequest(from, content)
    }
    try {
      const wish = decodeRequest(content)
      if (from === 0n && wish.type !== 'members') throw stranger()
      // Who was just added is known to the leader, but perhaps not here yet.
      const isForLeader = from === 0n && raft.leaderId !== 0n
      return encodeAnswer(await (isForLeader ? this.askLeader(wish) : carryOut(wish)))
    } catch (error) {
      return encodeAnswer(toNodeError(error))
    }
  }

  /** A leader is known. */
  leaderKnown(): void {
    for (const { resolve } of this.#waitForLeader.splice(0)) resolve()
  }

  expire(nowMs: number): void {
    this.#waitForLeader = withoutExpired(
      this.#waitForLeader,
      nowMs,
      () => new NodeError('NODE_NO_LEADER', 'no leader is known'),
    )
  }

  rejectAll(error: Error): void {
    for (const { reject } of this.#waitForLeader.splice(0)) reject(error)
  }

  async #leader(signal: AbortSignal | undefined): Promise<void> {
    const { requestTimeoutMs, nowMs } = this.#parts
    await withSignal<unknown>(signal, (resolve, reject) =>
      this.#waitForLeader.push({ expiresMs: nowMs() + requestTimeoutMs, resolve, reject }),
    )
  }
}

function stranger(): NodeError {
  return new NodeError('NODE_JOIN_REFUSED', 'only a member may ask for this')
}
