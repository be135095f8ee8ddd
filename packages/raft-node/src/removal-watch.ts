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
  /** So many do not take this member for the one that it says it is that no majority is left. */
  readonly onRefused: (reason: string) => void
}

/** What a member says to one that was removed. */
export const removedReason = 'removed from the cluster'
/** What it says to one whose data directory is not the one that it knows, or knows another cluster. */
export const identityReasons = { cluster: 'another cluster', directory: 'another data directory' } as const

/**
 * Finds out that this member was removed, or is not taken for a member. The others stop talking to it as soon as they
 * have applied its removal, so the entry itself may never arrive; but whoever it asks then refuses to answer, and says
 * why.
 */
export class RemovalWatch {
  readonly #parts: RemovalWatchParts
  /** Who does not know this member, and why. */
  readonly #refusals = new Map<MemberId, string>()
  #aloneSinceMs: number | undefined
  /** Who was asked and has not answered. */
  readonly #asked = new Set<MemberId>()

  constructor(parts: RemovalWatchParts) {
    this.#parts = parts
  }

  tick(nowMs: number, isLed: boolean): void {
    if (isLed) {
      this.#aloneSinceMs = undefined
      this.#refusals.clear()
    } else {
      this.#aloneSinceMs ??= nowMs
    }
    if (this.#aloneSinceMs === undefined || nowMs - this.#aloneSinceMs < this.#parts.electionTimeoutMs * 2)
      return
    this.#aloneSinceMs = nowMs
    for (const peer of this.#parts.peers()) void this.#ask(peer)
  }

  async #ask(peer: MemberId): Promise<void> {
    if (this.#asked.has(peer)) return
    this.#asked.add(peer)
    const { transport } = this.#parts
    try {
      await transport.request(peer, tagged('node', encodeRequest({ type: 'members' })))
      this.#refusals.delete(peer)
    } catch (error) {
      if (hasCode(error, 'TRANSPORT_REFUSED')) this.#refused(peer, error.message)
    } finally {
      this.#asked.delete(peer)
    }
  }

  #refused(peer: MemberId, message: string): void {
    const { peers, onRemoved, onRefused } = this.#parts
    if (message.includes(removedReason)) {
      onRemoved()
      return
    }
    const reason = Object.values(identityReasons).find((known) => message.includes(known))
    // To be left alone is no proof while anybody talks to this member, or has not been heard.
    if (reason === undefined || this.#aloneSinceMs === undefined) return
    this.#refusals.set(peer, reason)
    const others = peers().filter((id) => this.#refusals.has(id))
    const members = peers().length + 1
    const majority = Math.floor(members / 2) + 1
    if (members - others.length < majority) onRefused(reason)
  }
}
