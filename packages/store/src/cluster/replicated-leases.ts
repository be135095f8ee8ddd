import { type Clock, hasCode } from '@orrery/environment'
import type { NodeProposal, RaftNode } from '@orrery/raft-node'
import { StoreError } from '../errors.ts'
import type { LeaseKeeper } from '../lease-keeper.ts'
import { toId } from '../requests.ts'
import type { CallOptions, Leases, LeaseTimeToLive } from '../store.ts'
import { asStoreErrors, toStoreError } from './errors.ts'
import { LeaseRenewals } from './lease-renewals.ts'
import {
  decodeAnswer,
  encodeRequest,
  type LeaseRequest,
  type PeerAnswer,
  type Renewed,
} from './peer-requests.ts'

export interface ReplicatedLeasesParts {
  readonly node: RaftNode<NodeProposal>
  readonly clock: Clock
  /** That of the present state. */
  readonly keeper: () => LeaseKeeper
  /** How long a call looks for somebody who leads. Unit: ms. */
  readonly requestTimeoutMs: number
}

/** Pause between two attempts to reach who leads. Unit: ms. */
const retryMs = 50
/** Another member leads, or will soon: it is asked again. */
const elsewhereCodes = [
  'STORE_NO_LEADER',
  'STORE_NOT_LEADER',
  'STORE_LEADER_CHANGED',
  'LEASE_NOT_PRIMARY',
] as const

/**
 * Leases where a cluster keeps the store. Granting and revoking go through the log; only the member that leads knows
 * when a lease ends, so it renews them, on behalf of the others too.
 */
export class ReplicatedLeases implements Leases {
  readonly #parts: ReplicatedLeasesParts
  readonly #renewals: LeaseRenewals

  constructor(parts: ReplicatedLeasesParts) {
    this.#parts = parts
    this.#renewals = new LeaseRenewals({
      clock: parts.clock,
      requestTimeoutMs: parts.requestTimeoutMs,
      renew: async (ids) => {
        const answer = await this.#ask({ type: 'keepAlive', ids })
        return answer.type === 'keepAlive' ? answer.renewed : []
      },
    })
  }

  grant(...call: Parameters<Leases['grant']>): ReturnType<Leases['grant']> {
    return this.#parts.keeper().grant(...call)
  }

  revoke(...call: Parameters<Leases['revoke']>): ReturnType<Leases['revoke']> {
    return this.#parts.keeper().revoke(...call)
  }

  async keepAlive(id: bigint, options: CallOptions = {}): Promise<{ ttlMs: number }> {
    options.signal?.throwIfAborted()
    return await this.#renewals.renew(toId(id), options)
  }

  async timeToLive(
    id: bigint,
    options: CallOptions & { readonly keys?: boolean | undefined } = {},
  ): Promise<LeaseTimeToLive | undefined> {
    const answer = await this.#ask({ type: 'timeToLive', id, keys: options.keys === true }, options)
    return answer.type === 'timeToLive' ? answer.timeToLive : undefined
  }

  async list(options: CallOptions = {}): Promise<readonly bigint[]> {
    await this.#barrier(options)
    return await this.#parts.keeper().list(options)
  }

  /** Resolves when nobody waits for a renewal. */
  close(): Promise<void> {
    return this.#renewals.close()
  }

  /** Answers another member. */
  answer(request: LeaseRequest): Promise<PeerAnswer> {
    return this.#asLeader(request)
  }

  /** Asks whoever leads, and goes on looking for a while when nobody does. */
  async #ask(request: LeaseRequest, options: CallOptions = {}): Promise<PeerAnswer> {
    const { node, clock, requestTimeoutMs } = this.#parts
    const endMs = clock.nowMs() + requestTimeoutMs
    for (;;) {
      options.signal?.throwIfAborted()
      try {
        const { role } = node.status()
        if (role === 'leader') return await this.#asLeader(request, options)
        return decodeAnswer(request.type, await node.request('leader', encodeRequest(request), options))
      } catch (error) {
        options.signal?.throwIfAborted()
        const failure = toStoreError(error)
        if (!hasCode(failure, ...elsewhereCodes)) throw failure
        if (clock.nowMs() >= endMs)
          throw new StoreError('STORE_TIMED_OUT', 'no leader was found in time', { cause: error })
      }
      await new Promise<void>((resolve) => clock.setTimer(retryMs, resolve))
    }
  }

  /**
   * Only a member that a majority still follows may renew: another one may lead by now, and have ended the lease.
   * etcd issues 12528 and 15247.
   */
  async #asLeader(request: LeaseRequest, options: CallOptions = {}): Promise<PeerAnswer> {
    const { node, keeper } = this.#parts
    await this.#barrier(options)
    if (node.status().role !== 'leader') throw new StoreError('STORE_NOT_LEADER', 'another member leads')
    if (request.type === 'keepAlive') return { type: 'keepAlive', renewed: await this.#renew(request.ids) }
    const timeToLive = await keeper().timeToLive(request.id, { ...options, keys: request.keys })
    return { type: 'timeToLive', timeToLive }
  }

  /** @throws one of {@link elsewhereCodes}: all of them are to be asked for elsewhere */
  async #renew(ids: readonly bigint[]): Promise<Renewed[]> {
    const keeper = this.#parts.keeper()
    const renewing = ids.map((id) =>
      keeper.keepAlive(id).catch((error: unknown) => {
        if (error instanceof Error && !hasCode(error, ...elsewhereCodes)) return error
        throw error
      }),
    )
    return await Promise.all(renewing)
  }

  #barrier(options: CallOptions): Promise<void> {
    return asStoreErrors(() => this.#parts.node.readBarrier(options))
  }
}
