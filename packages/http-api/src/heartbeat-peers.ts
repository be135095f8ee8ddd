import type { Environment, Timer } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import type { HeartbeatBatch, HeartbeatPeers, HeartbeatReply } from '@orrery/registry'
import { parseHeartbeatReply } from '@orrery/registry'
import { Pool } from 'undici'
import { HttpApiError } from './errors.ts'

/** What {@link createHttpHeartbeatPeers} is made of. */
export interface HttpHeartbeatPeersDeps {
  /** `host:port` where others reach the API of this member. IPv6 addresses stand in brackets. */
  readonly address: string
  /** @defaultValue the system's */
  readonly environment?: Environment | undefined
}

/** How {@link createHttpHeartbeatPeers} behaves. */
export interface HttpHeartbeatPeersOptions {
  /** Sent with every batch: a secret that the receiver's host looks for, for example. @defaultValue none */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Where the receivers take batches. @defaultValue `/v1/heartbeats/forwarded` */
  readonly path?: string | undefined
  /** Batches to one member that may be in flight; one more is refused. From 1 on. @defaultValue `16` */
  readonly inFlightMaxBatches?: number | undefined
  /** Connections to one member. From 1 on. @defaultValue `2` */
  readonly connectionsMax?: number | undefined
  /** Members; one more is refused while all of them are in use. From 1 on. @defaultValue `1_000` */
  readonly addressesMax?: number | undefined
  /** Connections to a member that were not used for so long are closed. Unit: ms, from 1. @defaultValue `60_000` */
  readonly idleMaxMs?: number | undefined
}

/** What {@link createHttpHeartbeatPeers} uses when an option is absent. */
export const httpHeartbeatPeersDefaults = {
  path: '/v1/heartbeats/forwarded',
  inFlightMaxBatches: 16,
  connectionsMax: 2,
  addressesMax: 1_000,
  idleMaxMs: 60_000,
} as const

/** A reply names 10 000 positions at most. Unit: bytes. */
const replyMaxBytes = 256 * 1024

/** Connections to one member. */
interface Peer {
  readonly pool: Pool
  inFlight: number
  usedMs: number
}

type ResolvedOptions = Readonly<Record<Exclude<keyof HttpHeartbeatPeersOptions, 'headers' | 'path'>, number>>

/**
 * The way for heartbeats from one member to the others over HTTP, to the route of `registryApiPlugin`. Connections are
 * kept, and shared by what is in flight. Nothing happens until the first batch.
 *
 * `send` fails with `HTTP_API_PEER_INVALID`, `HTTP_API_PEER_OVERLOADED`, `HTTP_API_PEER_FAILED`,
 * `HTTP_API_PEERS_CLOSED`, or the reason of its signal.
 *
 * @throws HttpApiError `HTTP_API_OPTION_INVALID`
 */
export function createHttpHeartbeatPeers(
  deps: HttpHeartbeatPeersDeps,
  options: HttpHeartbeatPeersOptions = {},
): HeartbeatPeers {
  return new HttpHeartbeatPeers(deps, options)
}

class HttpHeartbeatPeers implements HeartbeatPeers {
  readonly address: string
  readonly #environment: Environment
  readonly #headers: Readonly<Record<string, string>>
  readonly #path: string
  readonly #options: ResolvedOptions
  readonly #peers = new Map<string, Peer>()
  #sweep: Timer | undefined
  #closed: Promise<void> | undefined

  constructor(
    { address, environment = systemEnvironment() }: HttpHeartbeatPeersDeps,
    options: HttpHeartbeatPeersOptions,
  ) {
    this.address = address
    this.#environment = environment
    this.#headers = { ...options.headers, 'content-type': 'application/json' }
    this.#path = options.path ?? httpHeartbeatPeersDefaults.path
    this.#options = resolve(options)
  }

  async send(
    address: string,
    batch: HeartbeatBatch,
    { signal }: { readonly signal: AbortSignal },
  ): Promise<HeartbeatReply> {
    signal.throwIfAborted()
    const peer = this.#peer(address)
    if (peer.inFlight >= this.#options.inFlightMaxBatches) {
      throw new HttpApiError(
        'HTTP_API_PEER_OVERLOADED',
        `${peer.inFlight} batches to ${address} are in flight`,
      )
    }
    peer.inFlight += 1
    try {
      return await this.#request(peer.pool, batch, signal)
    } catch (error) {
      signal.throwIfAborted()
      throw failed(address, error)
    } finally {
      peer.inFlight -= 1
      peer.usedMs = this.#environment.clock.nowMs()
    }
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#sweep?.cancel()
    const closed = new HttpApiError('HTTP_API_PEERS_CLOSED', 'the way to other members is closed')
    await Promise.all(Array.from(this.#peers.values(), ({ pool }) => pool.destroy(closed)))
    this.#peers.clear()
  }

  async #request(pool: Pool, batch: HeartbeatBatch, signal: AbortSignal): Promise<HeartbeatReply> {
    const { statusCode, body } = await pool.request({
      method: 'POST',
      path: this.#path,
      headers: this.#headers,
      body: JSON.stringify(batch),
      signal,
    })
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`status ${statusCode}: ${text.slice(0, 200)}`)
    return parseHeartbeatReply(JSON.parse(text), batch.beats.length)
  }

  #peer(address: string): Peer {
    if (this.#closed !== undefined)
      throw new HttpApiError('HTTP_API_PEERS_CLOSED', 'the way to other members is closed')
    const known = this.#peers.get(address)
    if (known !== undefined) return known
    const origin = originOf(address)
    if (this.#peers.size >= this.#options.addressesMax) this.#makeRoom()
    const pool = new Pool(origin, {
      connections: this.#options.connectionsMax,
      pipelining: 1,
      keepAliveTimeout: this.#options.idleMaxMs,
      maxResponseSize: replyMaxBytes,
    })
    const peer = { pool, inFlight: 0, usedMs: this.#environment.clock.nowMs() }
    this.#peers.set(address, peer)
    this.#scheduleSweep()
    return peer
  }

  /** @throws HttpApiError `HTTP_API_PEER_OVERLOADED` when all are in use */
  #makeRoom(): void {
    let oldest: readonly [address: string, peer: Peer] | undefined
    for (const entry of this.#peers) {
      if (entry[1].inFlight === 0 && (oldest === undefined || entry[1].usedMs < oldest[1].usedMs))
        oldest = entry
    }
    if (oldest === undefined) {
      throw new HttpApiError('HTTP_API_PEER_OVERLOADED', `${this.#peers.size} members are in use`)
    }
    this.#drop(oldest)
  }

  #scheduleSweep(): void {
    this.#sweep ??= this.#environment.clock.setTimer(this.#options.idleMaxMs, () => {
      this.#sweep = undefined
      const nowMs = this.#environment.clock.nowMs()
      for (const entry of [...this.#peers]) {
        const [, { inFlight, usedMs }] = entry
        if (inFlight === 0 && nowMs - usedMs >= this.#options.idleMaxMs) this.#drop(entry)
      }
      if (this.#peers.size > 0) this.#scheduleSweep()
    })
  }

  #drop([address, { pool }]: readonly [address: string, peer: Peer]): void {
    this.#peers.delete(address)
    // Nothing is in flight: whether it closes in order concerns nobody.
    pool.destroy().catch(() => {})
  }
}

/** @throws HttpApiError `HTTP_API_PEER_INVALID` */
function originOf(address: string): URL {
  const origin = `http://${address}`
  if (/^[^\s/?#@\\]+:\d+$/.test(address) && URL.canParse(origin)) return new URL(origin)
  throw new HttpApiError('HTTP_API_PEER_INVALID', `${address} is not an address of the form host:port`)
}

function failed(address: string, error: unknown): HttpApiError {
  if (error instanceof HttpApiError) return error
  const reason = error instanceof Error ? error.message : String(error)
  return new HttpApiError('HTTP_API_PEER_FAILED', `${address}: ${reason}`, { cause: error })
}

/** @throws HttpApiError `HTTP_API_OPTION_INVALID` */
function resolve(options: HttpHeartbeatPeersOptions): ResolvedOptions {
  const resolved = {
    inFlightMaxBatches: options.inFlightMaxBatches ?? httpHeartbeatPeersDefaults.inFlightMaxBatches,
    connectionsMax: options.connectionsMax ?? httpHeartbeatPeersDefaults.connectionsMax,
    addressesMax: options.addressesMax ?? httpHeartbeatPeersDefaults.addressesMax,
    idleMaxMs: options.idleMaxMs ?? httpHeartbeatPeersDefaults.idleMaxMs,
  }
  for (const [name, value] of Object.entries(resolved)) {
    if (Number.isSafeInteger(value) && value >= 1) continue
    throw new HttpApiError('HTTP_API_OPTION_INVALID', `${name} is an integer from 1 on, got ${value}`)
  }
  return resolved
}
