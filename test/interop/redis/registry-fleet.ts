import { readFile } from 'node:fs/promises'
import { systemEnvironment } from '@orrery/environment/system'
import { createRedisHeartbeatStore, type RedisHeartbeatStoreOptions } from '@orrery/heartbeat-redis'
import {
  createRegistry,
  type HeartbeatAnswer,
  type HeartbeatStore,
  type InstanceKey,
  type Registry,
} from '@orrery/registry'
import { inMemoryCluster } from '@orrery/store'
import type { RedisServer } from './redis-server.ts'

/** How instances of a fleet live. Unit: ms. */
export const lifeMs = { ttl: 3_000, interval: 1_000, evictAfter: 1_000 } as const

/** In so many groups instances beat, one after the other. */
const groups = 20

/** What a member told of an instance besides its registration. */
export interface ToldChange {
  readonly id: string
  /** What happened, and why. */
  readonly what: string
}

/** An instance that beats as long as it lives. */
export interface FleetClient {
  readonly key: InstanceKey
  /** Heartbeats that it has sent, each to as many members as it took. */
  readonly beats: number
  /** Those that some member answered with `ok`. */
  readonly accepted: number
  /** Those in a row, up to now, that no member took. */
  readonly refusedInRow: number
  /** It beats no more, and says no word. */
  die(): void
}

/** What a member answered to a heartbeat, and when, by the clock of this process. Unit: ms. */
export interface TimedAnswer {
  readonly answer: HeartbeatAnswer
  readonly atMs: number
}

/** One of the registries that share a Redis. */
export interface FleetMember {
  readonly registry: Registry
  readonly heartbeats: HeartbeatStore
  /** All answers to heartbeats, the oldest first. */
  readonly answers: readonly TimedAnswer[]
  /** Everything that it told of instances but that they were registered, the oldest first. */
  readonly told: readonly ToldChange[]
}

/** Two registries on a cluster in memory, whose heartbeats are in a real Redis, and clients of theirs. */
export interface Fleet extends AsyncDisposable {
  readonly members: readonly FleetMember[]
  readonly clients: readonly FleetClient[]
  /** Registers one more, at one of the members, and lets it beat. */
  join(id: string): Promise<FleetClient>
  nowMs(): number
}

/** How a fleet is made. */
export interface FleetOptions {
  readonly instances: number
  /**
   * - `all`: instances go from one member to the other, and try the other one when they are refused
   * - `second`: they know only the second, so that the first judges by what it never hears itself
   */
  readonly beatAt: 'all' | 'second'
  readonly redis?: RedisHeartbeatStoreOptions
}

/** Starts a fleet, in which nobody has beaten yet. */
export async function startFleet(server: RedisServer, options: FleetOptions): Promise<Fleet> {
  const environment = systemEnvironment()
  const cluster = await inMemoryCluster({ members: 3 })
  const members = cluster.members.slice(0, 2).map(({ name, store }) => {
    const redis = { host: '127.0.0.1', port: server.port }
    const heartbeats = createRedisHeartbeatStore({ redis, environment }, options.redis)
    const member = { name, heartbeats: { type: 'shared', store: heartbeats } } as const
    return new Member(createRegistry({ store, environment, member }), heartbeats)
  })
  await Promise.all(members.map(({ registry }) => registry.start()))
  const clients: Client[] = []
  const nowMs = (): number => environment.clock.nowMs()
  const join = async (id: string): Promise<FleetClient> => {
    const key = { namespace: 'default', service: `service-${clients.length % 8}`, id }
    const client = new Client(key, clients.length)
    clients.push(client)
    await client.register(members)
    return client
  }
  await Promise.all(Array.from({ length: options.instances }, (_, n) => join(`i${n}`)))
  const known = options.beatAt === 'all' ? members : members.slice(1)
  let group = 0
  const timer = setInterval(() => {
    for (let n = group; n < clients.length; n += groups) clients[n]?.beat(known, nowMs)
    group = (group + 1) % groups
  }, lifeMs.interval / groups)
  return {
    ...{ members, clients, join, nowMs },
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer)
      await Promise.all(members.map(({ registry }) => registry.close()))
      await Promise.all(members.map(({ heartbeats }) => heartbeats.close()))
      await cluster.close()
    },
  }
}

class Member implements FleetMember {
  readonly registry: Registry
  readonly heartbeats: HeartbeatStore
  readonly answers: TimedAnswer[] = []
  readonly told: ToldChange[] = []

  constructor(registry: Registry, heartbeats: HeartbeatStore) {
    this.registry = registry
    this.heartbeats = heartbeats
    registry.events.on('changed', ({ instances }) => {
      for (const change of instances) {
        const { id } = change.instance
        if (change.type === 'removed') this.told.push({ id, what: `removed: ${change.reason}` })
        else if (change.type !== 'registered') {
          const { healthy, healthReason } = change.instance
          this.told.push({ id, what: `${healthy ? 'healthy' : 'unhealthy'}: ${healthReason}` })
        }
      }
    })
  }

  beat(key: InstanceKey, nowMs: () => number): HeartbeatAnswer {
    const answer = this.registry.heartbeat(key)
    this.answers.push({ answer, atMs: nowMs() })
    return answer
  }
}

class Client implements FleetClient {
  readonly key: InstanceKey
  beats = 0
  accepted = 0
  refusedInRow = 0
  #isAlive = false
  /** Where it goes first. */
  #home: number

  constructor(key: InstanceKey, home: number) {
    this.key = key
    this.#home = home
  }

  async register(members: readonly Member[]): Promise<void> {
    const { ttl, interval, evictAfter } = lifeMs
    await members[this.#home % members.length]?.registry.register({
      ...{ ...this.key, host: '10.0.0.1', port: 8080 },
      ...{ ttlMs: ttl, heartbeatIntervalMs: interval, evictAfterMs: evictAfter },
    })
    this.#isAlive = true
  }

  /** Whoever is refused tries the next one. Nobody registers again: who is alive does not have to. */
  beat(members: readonly Member[], nowMs: () => number): void {
    if (!this.#isAlive) return
    this.beats++
    // A third of them goes to one member only as long as it takes them, others alternate.
    if (this.beats % 3 !== 0) this.#home++
    for (let n = 0; n < members.length; n++) {
      if (members[(this.#home + n) % members.length]?.beat(this.key, nowMs) !== 'ok') continue
      this.accepted++
      this.refusedInRow = 0
      return
    }
    this.refusedInRow++
  }

  die(): void {
    this.#isAlive = false
  }
}

/** Stops a Redis where it stands. Resolves when it does. */
export async function freeze(server: RedisServer): Promise<void> {
  server.signal('SIGSTOP')
  const isStopped = async (): Promise<boolean> => {
    const stat = await readFile(`/proc/${server.process.pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
  }
  while (!(await isStopped())) await new Promise((resolve) => setImmediate(resolve))
}
