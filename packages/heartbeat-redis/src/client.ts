import type { Environment } from '@orrery/environment'
import { Cluster, type ClusterNode, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import type { ResolvedOptions } from './options.ts'

/** What a value in a command may be. */
export type RedisArgument = string | number

/** What the store uses of a client of ioredis, `Redis` or `Cluster`. */
export interface RedisClient {
  readonly status: string
  readonly isCluster: boolean
  call(command: string, args: RedisArgument[]): Promise<unknown>
  pipeline(commands: unknown[][]): { exec(): Promise<[error: Error | null, result: unknown][] | null> }
  connect(): Promise<unknown>
  disconnect(): void
  on(event: string, listener: (...args: unknown[]) => void): unknown
  off(event: string, listener: (...args: unknown[]) => void): unknown
}

/** What the store decides itself: that commands do not wait for reconnects, and that nothing happens before its first call. */
type Decided =
  | 'autoResendUnfulfilledCommands'
  | 'enableAutoPipelining'
  | 'enableOfflineQueue'
  | 'keyPrefix'
  | 'lazyConnect'
  | 'maxRetriesPerRequest'
  | 'monitor'
  | 'readOnly'
  | 'replyMapping'
  | 'stringNumbers'

/**
 * Where Redis is: the options of ioredis, but for what the store decides itself. `host` and `port` for one server;
 * `sentinels` and `name` where sentinels know it; `cluster` for a Redis Cluster, for whose servers all others hold.
 */
export type RedisConnection = Omit<RedisOptions, Decided> & {
  readonly cluster?: RedisClusterConnection | undefined
}

/** A Redis Cluster: some of its servers, and the options of ioredis for it. */
export type RedisClusterConnection = Omit<ClusterOptions, Decided | 'redisOptions' | 'scaleReads'> & {
  /** Servers to ask for the others. */
  readonly nodes: readonly ClusterNode[]
}

/** A client that the store makes, and so closes. It connects when it is told to. */
export function createClient(
  { cluster, ...connection }: RedisConnection,
  options: ResolvedOptions,
  environment: Environment,
): RedisClient {
  const { commandTimeoutMs } = options
  const retryStrategy = backOff(options, environment)
  const redisOptions = {
    // Whoever asks for an answer has given up by then. A socket without answers is not worth keeping.
    socketTimeout: commandTimeoutMs,
    connectTimeout: Math.max(commandTimeoutMs, 2_000),
    disconnectTimeout: 500,
    // After a failover the old master may still answer, and refuse to write: the new one is found by connecting anew.
    reconnectOnError: (error: Error) => error.message.includes('READONLY'),
    ...connection,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: false,
    maxRetriesPerRequest: 0,
  } satisfies RedisOptions
  const decided = { enableOfflineQueue: false, lazyConnect: true }
  if (cluster === undefined) return new Redis({ retryStrategy, ...redisOptions, ...decided })
  const { nodes, ...clusterOptions } = cluster
  return new Cluster([...nodes], {
    clusterRetryStrategy: retryStrategy,
    ...clusterOptions,
    ...decided,
    redisOptions,
  })
}

/** Waits that double, with up to a half less at random: members that lost Redis together do not return together. */
function backOff(
  { reconnectMinMs, reconnectMaxMs }: ResolvedOptions,
  { random }: Environment,
): (attempt: number) => number {
  return (attempt) => {
    // Beyond so many doublings the number itself would be too large.
    const waitMs = Math.min(reconnectMaxMs, reconnectMinMs * 2 ** Math.min(attempt - 1, 32))
    return Math.max(1, Math.round(waitMs * (1 - random.float() / 2)))
  }
}
