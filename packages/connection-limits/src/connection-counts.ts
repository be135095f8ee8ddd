import { invariant } from '@orrery/environment'
import type { Limits, RefusalReason } from './options.ts'

/**
 * Counts connections, by host and in total, and says which one is too many. Pure: it knows neither sockets nor time.
 *
 * A host is known for as long as it has a connection, so there is nothing to sweep, and no more hosts than connections.
 */
export class ConnectionCounts {
  readonly #limits: Limits
  /** Invariant: every count is from 1 on, and their sum is at most `#total`. */
  readonly #byHost = new Map<string, number>()
  #total = 0

  constructor(limits: Limits) {
    this.#limits = limits
  }

  get total(): number {
    return this.#total
  }

  get hosts(): number {
    return this.#byHost.size
  }

  /**
   * Counts a connection, unless it is one too many.
   *
   * @param host undefined: counts in total only
   * @param isAllowed counts, but `perHostMax` and `hostsMax` do not concern it
   * @returns why it is refused, and was not counted
   */
  add(host: string | undefined, isAllowed: boolean): RefusalReason | undefined {
    const { perHostMax, hostsMax, totalMax } = this.#limits
    const count = host === undefined ? 0 : (this.#byHost.get(host) ?? 0)
    if (host !== undefined && !isAllowed) {
      if (count >= perHostMax) return 'perHost'
      if (count === 0 && this.#byHost.size >= hostsMax) return 'hosts'
    }
    if (this.#total >= totalMax) return 'total'
    this.#total += 1
    if (host !== undefined) this.#byHost.set(host, count + 1)
    return undefined
  }

  /** Takes back one {@link add} that was not refused. */
  remove(host: string | undefined): void {
    invariant(this.#total > 0, 'a connection that is gone was counted')
    this.#total -= 1
    if (host === undefined) return
    const count = this.#byHost.get(host) ?? 0
    invariant(count > 0, 'the host of a connection that is gone is known')
    if (count === 1) this.#byHost.delete(host)
    else this.#byHost.set(host, count - 1)
  }
}
