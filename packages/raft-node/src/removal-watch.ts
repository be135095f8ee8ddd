import { hasCode } from '@orrery/environment'
import type { MemberId } from '@orrery/raft'
import { encodeRequest, tagged } from './administration.ts'
import type { Transport } from './ports.ts'

export interface RemovalWatchParts {
  readonly transport: Transport
  /** The other members. */
  readonly peers: () => readonly MemberId[]
  /** Unit: ms. */
  readonly electionTimeoutMs: number
  readonly onRemoved: () => void
}

/** What a member says to one that was removed. */
export const removedReason = 'removed from the cluster'

/**
 * Finds out that this member was removed. The others stop talking to it as soon as they have applied that, so
 * the entry itself may never arrive; but whoever it asks then refuses to answer, and says why.
 */
export class RemovalWatch {
  readonly #parts: RemovalWatchParts
  #aloneSinceMs: number | undefined
  /** Who was asked and has not answered. */
  readonly #asked = new Set<MemberId>()

  constructor(parts: RemovalWatchParts) {
    this.#parts = parts
  }

  tick(nowMs: number, isLed: boolean): void {
    if (isLed) this.#aloneSinceMs = undefined
    else this.#aloneSinceMs ??= nowMs
    if (this.#aloneSinceMs === undefined || nowMs - this.#aloneSinceMs < this.#parts.electionTimeoutMs * 2)
      return
    this.#aloneSinceMs = nowMs
    for (const peer of this.#parts.peers()) void this.#ask(peer)
  }

  async #ask(peer: MemberId): Promise<void> {
    if (this.#asked.has(peer)) return
    this.#asked.add(peer)
    const { transport, onRemoved } = this.#parts
    try {
      await transport.request(peer, tagged('node', encodeRequest({ type: 'members' })))
    } catch (error) {
      if (hasCode(error, 'TRANSPORT_REFUSED') && error.message.includes(removedReason)) onRemoved()
    } finally {
      this.#asked.delete(peer)
    }
  }
}
