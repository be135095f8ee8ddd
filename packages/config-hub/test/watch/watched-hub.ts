import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '@orrery/environment'
import { createManualEnvironment, type ManualEnvironment } from '@orrery/environment/testing'
import { ConfigError } from '../../src/errors.ts'
import { ContentCache } from '../../src/reads/content-cache.ts'
import { ConfigView } from '../../src/view/config-view.ts'
import { WatchHub } from '../../src/watch/watch-hub.ts'
import { Feeder, prefix, takeUpTo, unsealed } from '../view/fed-view.ts'

/** What a test wants otherwise. */
export interface MemberOptions {
  readonly cacheMaxBytes?: number
  readonly watchersMax?: number
  readonly clock?: Clock
  readonly hasKeys?: boolean
  readonly current?: () => Promise<number>
  /** What makes this member see a revision. @defaultValue it waits until the test makes it */
  readonly reach?: (revision: number, member: FedMember) => void
}

/** A member of a hub that is fed by hand. */
export interface FedMember {
  readonly environment: ManualEnvironment
  readonly view: ConfigView
  readonly cache: ContentCache
  readonly hub: WatchHub
  readonly feeder: Feeder
  /** Contents that were read from the store. */
  readonly reads: string[]
  /** Takes what was written; up to a revision, if one is given. */
  take(revision?: number): void
  /** What reads of contents wait for. */
  gate: Promise<void> | undefined
  /** What the next reads of contents fail with. */
  failure: Error | undefined
}

/** Makes a member that has seen what a feeder has written. */
export function fedMember(feeder: Feeder = new Feeder(), options: MemberOptions = {}): FedMember {
  const environment = createManualEnvironment()
  const { cacheMaxBytes = 1_000_000, watchersMax = 1_000_000, hasKeys = true } = options
  const clock = options.clock ?? environment.clock
  const reads: string[] = []
  const cache = new ContentCache(
    {
      clock,
      read: async (path, version) => {
        reads.push(`${path}@${version}`)
        await member.gate
        if (member.failure !== undefined) throw member.failure
        return feeder.read(path, version)
      },
      open: async (_, stored) => {
        await member.gate
        if (!hasKeys) throw new ConfigError('CONFIG_KEYS_MISSING', 'there are no keys')
        return unsealed(stored)
      },
    },
    { cacheMaxBytes, cacheMaxIdleMs: 600_000 },
  )
  const view = new ConfigView(prefix, {
    changed: (entry) => member.hub.changed(entry),
    moved: (revision) => member.hub.moved(revision),
    offered: (line, value) => cache.offer(line, value),
    unreadable: (key, error) => environment.logger.error(`unreadable: ${key}`, { error }),
    failed: (error) => environment.logger.error('failed', { error }),
  })
  /** Who waits until this member has caught up. */
  const waiting = new Map<number, () => void>()
  const reached = async (revision: number): Promise<void> => {
    options.reach?.(revision, member)
    while (view.revision < revision) await new Promise<void>((resolve) => waiting.set(revision, resolve))
  }
  const current = options.current ?? (() => Promise.resolve(feeder.revision))
  const hub = new WatchHub({
    environment: { ...environment, clock },
    ...{ view, cache, watchersMax, current, reached },
  })
  const member: FedMember = {
    ...{ environment, view, cache, hub, feeder, reads, gate: undefined, failure: undefined },
    take: (revision = feeder.revision) => {
      takeUpTo(view, feeder, revision)
      for (const resolve of waiting.values()) resolve()
      waiting.clear()
    },
  }
  return member
}

/** Lets everything happen that is ready to. */
export async function settle({ environment }: FedMember, turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn++) {
    await nextTurn()
    environment.clock.runDeferred()
  }
}
