import type { Clock, Timer } from '@orrery/environment'
import { fetchMembers } from './bootstrap.ts'
import type { Member, MemberTable } from './member-table.ts'
import type { Peer, Transport } from './ports.ts'

export interface AcquaintancesParts {
  readonly clock: Clock
  readonly transport: Transport
  readonly clusterId: bigint
  /** How long the others have to answer. Unit: ms. */
  readonly timeoutMs: number
  /** More members are known. */
  readonly onChange: () => void
}

/**
 * Members that this one knows of from others only: its log does not reach to where they were added. One of them may
 * lead, and then nobody else would bring the rest of the log.
 */
export class Acquaintances {
  readonly #parts: AcquaintancesParts
  #known: readonly Pick<Member, 'id' | 'peerAddresses'>[] = []
  #abort: AbortController | undefined

  constructor(parts: AcquaintancesParts) {
    this.#parts = parts
  }

  /** Those that the table neither has nor had. */
  beyond(table: MemberTable): readonly Pick<Member, 'id' | 'peerAddresses'>[] {
    return this.#known.filter(({ id }) => table.get(id) === undefined && !table.wasRemoved(id))
  }

  /** Somebody came whom nobody here knows: asks the others, unless they are being asked already. */
  askFor(peers: readonly Peer[]): void {
    if (this.#abort !== undefined) return
    const abort = new AbortController()
    this.#abort = abort
    const timer = this.#parts.clock.setTimer(this.#parts.timeoutMs, () => abort.abort())
    void this.#ask(peers, abort.signal, timer)
  }

  /** Asks nobody any more. */
  close(): void {
    this.#abort?.abort()
  }

  async #ask(peers: readonly Peer[], signal: AbortSignal, timer: Timer): Promise<void> {
    const { transport, clusterId, onChange } = this.#parts
    try {
      const addresses = peers.flatMap((peer) => peer.addresses)
      const found = await fetchMembers(transport, addresses, { signal })
      if (found.clusterId !== clusterId) return
      this.#known = found.members
      onChange()
    } catch {
      // Whoever came will come again.
    } finally {
      timer.cancel()
      this.#abort = undefined
    }
  }
}
