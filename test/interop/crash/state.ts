import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '@orrery/environment'
import type { Store, WatchBatch } from '@orrery/store'

/** All that a store holds, short enough to be compared as a whole. */
export interface State {
  /** Entries of the log that it contains. */
  readonly appliedIndex: number
  readonly revision: number
  readonly compactRevision: number
  readonly keys: number
  readonly alarms: readonly string[]
  /** Each with its keys. */
  readonly leases: readonly string[]
  /** As `hashKv` gives it. */
  readonly hash: number
  /** SHA-256 of the snapshot: every revision that is kept, tombstones, leases, alarms, marks of compaction. */
  readonly snapshot: string
}

/** @param store with no compaction in progress: what that has left is part of the state */
export async function stateOf(store: Store): Promise<State> {
  const { appliedIndex, revision, compactRevision, keys, alarms } = store.status()
  const { hash } = await store.hashKv()
  const digest = createHash('sha256')
  for await (const chunk of store.snapshot()) digest.update(chunk)
  const leases: string[] = []
  for (const id of await store.leases.list()) {
    const found = await store.leases.timeToLive(id, { keys: true })
    leases.push(`${id}: ${(found?.keys ?? []).map(textOf).join(' ')}`)
  }
  return {
    appliedIndex,
    revision,
    compactRevision,
    keys,
    alarms: alarms.map(({ memberId, type }) => `${memberId} ${type}`),
    leases: leases.sort(),
    hash,
    snapshot: digest.digest('hex'),
  }
}

/** Everything from one revision on. */
export const everything = { key: '\0', rangeEnd: '\0', prevKv: true } as const

/** What a watcher was told, one line for each change, ready to be compared. */
export function linesOf({ events }: WatchBatch): string[] {
  return events.map(({ type, kv, prevKv }) => {
    const value = createHash('sha256').update(kv.value).digest('hex').slice(0, 16)
    const previous = prevKv === undefined ? 'new' : `after ${prevKv.modRevision}`
    return `${kv.modRevision} ${type} ${textOf(kv.key)} ${value} lease ${kv.lease} ${previous}`
  })
}

/** Identifies what a watcher was told. */
export function digestOf(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)
}

/** A clock of which one can tell whether sliced work, such as a compaction, goes on. */
export interface ObservedClock extends Clock {
  /** Resolves when nothing is deferred. */
  quiet(): Promise<void>
}

export function observe(clock: Clock): ObservedClock {
  let deferred = 0
  return {
    ...clock,
    defer: (callback) => {
      deferred++
      const timer = clock.defer(() => {
        deferred--
        callback()
      })
      return timer
    },
    quiet: async () => {
      while (deferred > 0) await nextTurn()
    },
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}
