import { altered } from '@orrery/simulation'
import type {
  ChangeBatch,
  ConfigChange,
  ConfigClient,
  ConfigHub,
  ConfigWatch,
  FileKey,
  Fingerprint,
} from '@orrery/config-hub'
import { ConfigError } from '@orrery/config-hub'
import type { Clock } from '@orrery/environment'
import { calm, elections, hubAs, lostWatches, type PlantedConfigBug } from './planted-config-bugs-helpers.ts'

/** A hub whose watches tell something else. */
const watchesAs = (tell: (batch: ChangeBatch) => readonly ConfigChange[]): PlantedConfigBug['sabotage'] =>
  hubAs((hub) => ({ watch: (query, options) => retold(hub.watch(query, options), tell) }))

/** Batches of which nothing is left are left out. */
function retold(watch: ConfigWatch, tell: (batch: ChangeBatch) => readonly ConfigChange[]): ConfigWatch {
  const batches = watch[Symbol.asyncIterator]()
  const next = async (): ReturnType<typeof batches.next> => {
    for (;;) {
      const step = await batches.next()
      if (step.done === true) return step
      const changes = tell(step.value)
      if (changes.length > 0) return { done: false, value: { ...step.value, changes } }
    }
  }
  return altered(watch, { [Symbol.asyncIterator]: () => ({ next }) })
}

function nameOf(change: ConfigChange): string {
  const { namespace, group, file } = change.type === 'released' ? change.release : change.key
  return `${namespace} ${group} ${file}`
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => clock.setTimer(delayMs, resolve))
}

/** What a client sees of everything, now. */
function seenNow(hub: ConfigHub, client: ConfigClient | undefined): readonly Fingerprint[] {
  return hub.files.list({ limit: 10_000 }).items.map(({ namespace, group, file }) => {
    const key: FileKey = { namespace, group, file }
    const { version = 0, md5 = '' } = hub.peek({ ...key, client }) ?? {}
    return { ...key, version, md5 }
  })
}

/** A watch that reads ahead, and keeps of each file what it was told first. */
function keepingFirst(watch: ConfigWatch): ConfigWatch {
  const pending: ChangeBatch[] = []
  let wake: (() => void) | undefined
  let ended: { readonly error: unknown } | undefined
  const read = async (): Promise<void> => {
    try {
      for await (const batch of watch) {
        pending.push(batch)
        wake?.()
      }
      ended = { error: undefined }
    } catch (error) {
      ended = { error }
    }
    wake?.()
  }
  void read()
  const next = async (): Promise<IteratorResult<ChangeBatch, undefined>> => {
    while (pending.length === 0) {
      if (ended?.error !== undefined) throw ended.error as Error
      if (ended !== undefined) return { done: true, value: undefined }
      await new Promise<void>((resolve) => (wake = resolve))
    }
    const batches = pending.splice(0)
    const changes = new Map<string, ConfigChange>()
    for (const change of batches.flatMap((batch) => batch.changes).reverse())
      changes.set(nameOf(change), change)
    return { done: false, value: { revision: batches.at(-1)?.revision ?? 0, changes: [...changes.values()] } }
  }
  return altered(watch, { [Symbol.asyncIterator]: () => ({ next }) })
}

/** Bugs between hubs and their clients: in what is made of their calls, and in what they are told. */
export const plantedConfigBugsOfHubs: readonly PlantedConfigBug[] = [
  {
    name: 'a hub that lags tells its client of something older than what that has',
    seedsMax: 10,
    sabotage: hubAs((hub) => ({
      watch: ({ known = [], ...query }, options) =>
        hub.watch(
          { ...query, afterRevision: 0, known: known.map((one) => ({ ...one, version: 0 })) },
          options,
        ),
    })),
    faults: lostWatches,
  },
  {
    name: 'a hub does not wait until it has seen what its client has seen',
    seedsMax: 10,
    sabotage: hubAs((hub) => ({
      poll: (query, options) => hub.poll({ ...query, afterRevision: 0 }, options),
    })),
    faults: lostWatches,
  },
  {
    name: 'a hub tells everything again to whoever comes back',
    seedsMax: 3,
    sabotage: hubAs((hub) => ({ watch: (query, options) => hub.watch({ ...query, known: [] }, options) })),
  },
  {
    name: 'a poll is entered after it was compared',
    seedsMax: 5,
    sabotage: hubAs((hub, { clock }) => ({
      poll: async (query, options) => {
        const answer = await hub.poll(query, { timeoutMs: 0 })
        if (answer.type === 'changed' || (query.afterRevision ?? 0) > answer.revision) return answer
        await pause(clock, 30)
        return await hub.poll({ ...query, known: seenNow(hub, query.client) }, options)
      },
    })),
    faults: calm,
  },
  {
    name: 'who sees a gray release is drawn anew each time',
    seedsMax: 5,
    sabotage: () => {
      let asked = 0
      const disguised = (client: ConfigClient = {}): ConfigClient => ({ ...client, id: `${asked++}` })
      return hubAs((hub) => ({
        peek: ({ client, ...query }) => hub.peek({ ...query, client: disguised(client) }),
        watch: ({ client, ...query }, options) => hub.watch({ ...query, client: disguised(client) }, options),
      }))()
    },
    faults: calm,
  },
  {
    name: 'a hub says that it has seen what it has not',
    seedsMax: 5,
    sabotage: hubAs(() => ({ reached: () => Promise.resolve() })),
    faults: lostWatches,
  },
  {
    name: 'a write is made again when nobody knows what became of it',
    seedsMax: 20,
    sabotage: hubAs(({ releases, files }) => ({
      releases: altered(releases, {
        publish: async (...call) => {
          try {
            return await releases.publish(...call)
          } catch (error) {
            if (error instanceof ConfigError) throw error
            return await releases.publish(...call)
          }
        },
      }),
      files: altered(files, {
        save: async (...call) => {
          try {
            return await files.save(...call)
          } catch (error) {
            if (error instanceof ConfigError) throw error
            return await files.save(...call)
          }
        },
      }),
    })),
    faults: elections,
  },
  {
    name: 'the trail that a hub shows leaves something out',
    seedsMax: 3,
    sabotage: hubAs(({ audit }) => ({
      audit: {
        list: async (query) => {
          const { items, next } = await audit.list(query)
          return { items: items.filter(({ action }) => action !== 'grayStopped'), next }
        },
      },
    })),
    faults: calm,
  },
  {
    name: 'who is slow gets the oldest change of each file',
    seedsMax: 3,
    sabotage: hubAs((hub) => ({ watch: (query, options) => keepingFirst(hub.watch(query, options)) })),
    faults: calm,
  },
  {
    name: 'a hub that is asked for the newest gives what it has',
    seedsMax: 10,
    sabotage: hubAs((hub) => ({ readLinearizable: (query, options) => hub.read(query, options) })),
    faults: lostWatches,
  },
  {
    name: 'watchers are not told that something was removed',
    seedsMax: 3,
    sabotage: watchesAs(({ changes }) => changes.filter(({ type }) => type !== 'removed')),
  },
  {
    name: 'watchers get the content of the version before',
    seedsMax: 3,
    sabotage: () => {
      const contents = new Map<string, string>()
      return watchesAs(({ changes }) =>
        changes.map((change) => {
          if (change.type === 'removed') return change
          const { release } = change
          const name = nameOf(change)
          const { content = release.content } = { content: contents.get(name) }
          contents.set(name, release.content)
          return { type: 'released', release: { ...release, content } }
        }),
      )()
    },
  },
  {
    name: 'watchers are not told of new tags',
    seedsMax: 5,
    sabotage: hubAs((hub) => ({
      watch: (query, options) => {
        const told = new Map<string, string>()
        return retold(hub.watch(query, options), ({ changes }) =>
          changes.filter((change) => {
            const name = nameOf(change)
            const md5 = change.type === 'removed' ? '' : change.release.md5
            const isNew = told.get(name) !== md5
            told.set(name, md5)
            return isNew
          }),
        )
      },
    })),
  },
]
