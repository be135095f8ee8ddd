import { hasCode, type Random } from '@orrery/environment'
import type { Store, WatchBatch } from '@orrery/store'
import { chance } from '../time/draw.ts'
import type { StoreCluster } from './store-cluster.ts'
import { changesOf, type SeenByWatcher, type StoreHistory } from './store-history.ts'
import type { StoreMachine } from './store-machine.ts'

/** How often a watcher looks whether its member is still there. Unit: ms. */
const lookMs = 300
/** How often it goes on somewhere else all the same. */
const moveRatio = 0.05

/** What a reader of changes does with them. */
interface Reader {
  readonly prefix: string | undefined
  readonly nextRevision: () => number
  readonly onBatch: (batch: WatchBatch) => void
  /** Revisions that it has not seen are gone. */
  readonly onCompacted: (compactRevision: number) => void
}

/** Who reads the log of a cluster, and watchers who should see the same. */
export class StoreWatchers {
  readonly #cluster: StoreCluster
  readonly #history: StoreHistory

  constructor(cluster: StoreCluster, history: StoreHistory) {
    this.#cluster = cluster
    this.#history = history
  }

  start(): void {
    const { random } = this.#cluster.simulation
    this.#follow(random.fork('recorder'), this.#recorder())
    this.#follow(random.fork('watcher 0'), this.#watcher('w0', undefined))
    this.#follow(random.fork('watcher 1'), this.#watcher('w1', 'lease/'))
    this.#follow(random.fork('watcher 2'), this.#watcher('w2', 'a'))
  }

  #recorder(): Reader {
    const { log } = this.#history
    return {
      prefix: undefined,
      nextRevision: () => this.#history.nextRevision,
      onBatch: ({ events }) => {
        for (const { revision, ...change } of changesOf(events)) {
          const last = log.at(-1)
          if (last?.revision === revision)
            log[log.length - 1] = { revision, changes: [...last.changes, change] }
          else log.push({ revision, changes: [change] })
        }
      },
      onCompacted: (revision) => {
        if (revision < this.#history.nextRevision) return
        this.#cluster.fail(`revision ${revision} was compacted, which nobody asked for`)
      },
    }
  }

  #watcher(name: string, prefix: string | undefined): Reader {
    let seen: SeenByWatcher
    let nextRevision = 2
    const begin = (): void => {
      seen = { name, prefix, startRevision: nextRevision, batches: [], hasEnded: false }
      this.#history.watches.push(seen)
    }
    begin()
    return {
      prefix,
      nextRevision: () => nextRevision,
      onBatch: ({ events, revision }) => {
        seen.batches.push({ changes: changesOf(events), progress: revision })
        nextRevision = Math.max(nextRevision, revision + 1)
      },
      onCompacted: (revision) => {
        if (revision < nextRevision)
          this.#cluster.fail(`watch ${name} lost ${nextRevision} to a compaction at ${revision}`)
        this.#cluster.counters.compactedWatches++
        seen.hasEnded = true
        nextRevision = revision + 1
        begin()
      },
    }
  }

  /** Watches at one member, and goes on at another when that is gone, or for no reason. */
  #follow(random: Random, reader: Reader): void {
    const { simulation, counters } = this.#cluster
    const machine = this.#cluster.anybody(random)
    if (machine?.store === undefined) {
      simulation.schedule(50, () => this.#follow(random, reader))
      return
    }
    const isRead = this.#read(machine, machine.store, reader)
    const { incarnation } = machine.node
    const look = (): void => {
      const isThere = machine.node.incarnation === incarnation && machine.node.state !== 'stopped'
      if (isThere && isRead.now() && !chance(random, moveRatio)) {
        simulation.schedule(lookMs, look)
        return
      }
      isRead.stop()
      counters.resumedWatches++
      this.#follow(random, reader)
    }
    simulation.schedule(lookMs, look)
  }

  #read(machine: StoreMachine, store: Store, reader: Reader): { now: () => boolean; stop: () => void } {
    const { incarnation } = machine.node
    const { prefix } = reader
    const range =
      prefix === undefined ? { key: '\0', rangeEnd: '\0' } : { key: prefix, rangeEnd: endOf(prefix) }
    let isRead = true
    const read = async (): Promise<void> => {
      for await (const batch of watch) {
        if (!isRead || machine.node.incarnation !== incarnation) return
        reader.onBatch(batch)
      }
    }
    const watch = store.watch({ ...range, startRevision: reader.nextRevision(), progressIntervalMs: 1_000 })
    read().then(
      () => {
        isRead = false
      },
      (error: unknown) => {
        if (!isRead) return
        isRead = false
        if (hasCode(error, 'MVCC_COMPACTED')) reader.onCompacted(store.status().compactRevision)
        else if (!hasCode(error, 'STORE_CLOSED')) this.#cluster.fail(`a watch failed: ${String(error)}`)
      },
    )
    return {
      now: () => isRead,
      stop: () => {
        isRead = false
        watch.close()
      },
    }
  }
}

function endOf(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
}
