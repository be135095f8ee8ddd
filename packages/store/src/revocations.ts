import type { Lessor } from '@orrery/lease'
import type { Key } from '@orrery/mvcc'
import type { Command } from './command.ts'
import type { ProposeOptions } from './proposer.ts'

/** What {@link Revocations} need. */
export interface RevocationsParts {
  readonly lessor: Lessor
  /** Keys that one entry of the log deletes. */
  readonly revokeMaxKeys: number
  readonly propose: (command: Command, options?: ProposeOptions) => Promise<unknown>
  /** Some have ended: others may begin. */
  readonly onEnded: () => void
}

/** Leases that one entry of the log removes: it is applied in one turn of the event loop. */
const expireMaxLeases = 100
/** Size of the keys that one entry names; one key may be larger. Unit: bytes. */
const revokeMaxKeyBytes = 262_144
/**
 * Only who leads knows who is overdue. One who has led, and does not know yet that another member does and has
 * renewed the lease, must not end it.
 */
const asLeader: ProposeOptions = { isLeaderOnly: true }
/** Leases that wait for the log at a time. */
const runningMax = 512

/** Leases on their way out, each once, however many ask for it. */
export class Revocations {
  readonly #parts: RevocationsParts
  readonly #running = new Map<bigint, Promise<void>>()

  constructor(parts: RevocationsParts) {
    this.#parts = parts
  }

  /** Whether so many wait for the log that others should wait for them. */
  get full(): boolean {
    return this.#running.size >= runningMax
  }

  /** Revokes a lease. Rejects when the log refuses, or when there is no such lease. */
  revoke(id: bigint): Promise<void> {
    return this.#running.get(id) ?? this.#run([id], this.#revokeInSteps(id, {}))
  }

  /**
   * Revokes overdue leases, many with one entry of the log. Nobody waits for it: when the log refuses, they become
   * due again.
   */
  expire(ids: readonly bigint[]): void {
    const { lessor, revokeMaxKeys } = this.#parts
    let together: bigint[] = []
    let keys = 0
    for (const id of ids) {
      if (this.#running.has(id)) continue
      const more = lessor.takeKeys(id, revokeMaxKeys + 1).length
      if (more > revokeMaxKeys) {
        this.#run([id], this.#revokeInSteps(id, asLeader)).catch(() => {})
        continue
      }
      if (together.length === expireMaxLeases || keys + more > revokeMaxKeys) {
        this.#expireTogether(together)
        together = []
        keys = 0
      }
      together.push(id)
      keys += more
    }
    if (together.length > 0) this.#expireTogether(together)
  }

  #expireTogether(ids: readonly bigint[]): void {
    const proposed = async (): Promise<void> => {
      await this.#parts.propose({ type: 'leaseExpire', ids }, asLeader)
    }
    this.#run(ids, proposed()).catch(() => {})
  }

  #run(ids: readonly bigint[], work: Promise<void>): Promise<void> {
    const ended = work.finally(() => {
      for (const id of ids) this.#running.delete(id)
      this.#parts.onEnded()
    })
    for (const id of ids) this.#running.set(id, ended)
    return ended
  }

  async #revokeInSteps(id: bigint, options: ProposeOptions): Promise<void> {
    const { lessor, propose, revokeMaxKeys } = this.#parts
    for (;;) {
      const keys = lessor.takeKeys(id, revokeMaxKeys + 1)
      if (keys.length <= revokeMaxKeys) break
      await propose({ type: 'leaseRevokeKeys', id, keys: firstOf(keys, revokeMaxKeys) }, options)
    }
    await propose({ type: 'leaseRevoke', id }, options)
  }
}

/** As many keys as one entry takes, in byte order. */
function firstOf(keys: readonly Key[], maxKeys: number): Key[] {
  let bytes = 0
  const end = keys.findIndex((key, at) => (bytes += key.length) > revokeMaxKeyBytes && at > 0)
  return keys.slice(0, end === -1 ? maxKeys : Math.min(end, maxKeys)).sort()
}
