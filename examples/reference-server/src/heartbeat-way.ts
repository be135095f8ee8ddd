import { hostname } from 'node:os'
import type { Environment } from '@orrery/environment'
import { createRedisHeartbeatStore } from '@orrery/heartbeat-redis'
import type { RedisConnection } from '@orrery/heartbeat-redis'
import { createHttpHeartbeatPeers } from '@orrery/http-api'
import type { RegistryMember } from '@orrery/registry'
import { formatListenAddress } from './listen-address.ts'
import type { PeerOptions } from './options.ts'
import { type HostAndPort, reachable } from './probe-port.ts'

/** How members of a cluster learn of each other's heartbeats. */
export interface HeartbeatWay {
  readonly heartbeats: RegistryMember['heartbeats']
  /** Lets go of connections. */
  close(): Promise<void>
}

/** Where a member of a cluster is reached. */
export interface HeartbeatWayOptions extends Pick<PeerOptions, 'advertiseHttp' | 'heartbeatRedis'> {
  /** Where its HTTP API listens. Undefined: it does not. */
  readonly http: HostAndPort | undefined
  /** Where other members reach its store. */
  readonly peerAddress: string
}

/** Goes through Redis, if there is one, else from member to member. */
export function createHeartbeatWay(
  { advertiseHttp, heartbeatRedis, http, peerAddress }: HeartbeatWayOptions,
  environment: Environment,
): HeartbeatWay {
  if (heartbeatRedis !== undefined) {
    const store = createRedisHeartbeatStore({ redis: redisConnectionOf(heartbeatRedis), environment })
    return { heartbeats: { type: 'shared', store }, close: () => store.close() }
  }
  const address = advertiseHttp ?? (http === undefined ? '' : advertisedAddressOf(http))
  if (isLoopback(address) && !isLoopback(peerAddress)) {
    environment.logger.warn('members on other machines cannot bring heartbeats there: see advertise-http', {
      address,
    })
  }
  const peers = createHttpHeartbeatPeers({ address, environment })
  return { heartbeats: { type: 'forwarded', peers }, close: () => peers.close() }
}

/** What other members connect to. */
function advertisedAddressOf({ host, port }: HostAndPort): string {
  return formatListenAddress({ host: reachable(host, hostname()), port })
}

/** @param address host and port */
function isLoopback(address: string): boolean {
  return /^(?:127\.|\[::1\]|localhost:)/.test(address)
}

/** @param text a URL: `redis://user:password@host:port/database`, or `rediss:` for TLS */
export function redisConnectionOf(text: string): RedisConnection {
  const { protocol, hostname, port, username, password, pathname } = new URL(text)
  const database = pathname.slice(1)
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? 6_379 : Number(port),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(database === '' ? {} : { db: Number(database) }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  }
}
