import type { Clock } from '@orrery/environment'
import { RegistryError } from '../errors.ts'
import type { HeartbeatBatch, HeartbeatPeers, HeartbeatReply } from '../ports.ts'

/** Something on its way between two members. */
export interface MemoryPeersMessage {
  readonly from: string
  readonly to: string
  readonly type: 'batch' | 'reply'
}

/** How a {@link MemoryPeersNetwork} behaves. */
export interface MemoryPeersOptions {
  /**
   * What becomes of a message that no cut stops: how long each of its copies is on its way, where none means that it is
   * lost. Unit: ms. @defaultValue one copy, after the delay that was set
   */
  readonly fate?: ((message: MemoryPeersMessage) => readonly number[]) | undefined
}

/**
 * Members of one process, without sockets, for tests of heartbeats that are forwarded. What one sends the other gets in a later
 * turn, the same objects and not copies. Like a real network it may deliver what the sender has given up already.
 */
export interface MemoryPeersNetwork {
  /** The end of one member. */
  peers(address: string): HeartbeatPeers
  /**
   * Says who takes what is sent to an address; undefined: nobody any more, sending there fails at once. What `receive`
   * throws, the sender's call rejects with.
   */
  attach(address: string, receive: ((batch: HeartbeatBatch) => HeartbeatReply) | undefined): void
  /** Loses all from one address to another, and what is on its way. Calls then wait until their signal fires. */
  cut(from: string, to: string, direction?: 'oneWay' | 'bothWays'): void
  /** Takes back all cuts. */
  heal(): void
  /** How long each message is on its way from now on, 0 to begin with: until a later turn. Unit: ms. */
  setDelay(ms: number): void
}

type Outcome =
  | { readonly reply: HeartbeatReply; readonly error?: never }
  | { readonly error: Error; readonly reply?: never }

class Network implements MemoryPeersNetwork {
  readonly #clock: Clock
  readonly #fate: (message: MemoryPeersMessage) => readonly number[]
  readonly #receivers = new Map<string, (batch: HeartbeatBatch) => HeartbeatReply>()
  readonly #cuts = new Map<string, Set<string>>()
  #delayMs = 0

  constructor(clock: Clock, { fate = () => [this.#delayMs] }: MemoryPeersOptions) {
    this.#clock = clock
    this.#fate = fate
  }

  peers(address: string): HeartbeatPeers {
    let isClosed = false
    return {
      address,
      send: (to, batch, { signal }) => {
        if (isClosed) return Promise.reject(new RegistryError('REGISTRY_CLOSED', `${address} is closed`))
        return this.#send({ from: address, to, batch, signal })
      },
      close: () => {
        isClosed = true
        return Promise.resolve()
      },
    }
  }

  attach(address: string, receive: ((batch: HeartbeatBatch) => HeartbeatReply) | undefined): void {
    if (receive === undefined) this.#receivers.delete(address)
    else this.#receivers.set(address, receive)
  }

  cut(from: string, to: string, direction: 'oneWay' | 'bothWays' = 'bothWays'): void {
    const targets = this.#cuts.get(from) ?? new Set()
    this.#cuts.set(from, targets.add(to))
    if (direction === 'bothWays') this.cut(to, from, 'oneWay')
  }

  heal(): void {
    this.#cuts.clear()
  }

  setDelay(ms: number): void {
    this.#delayMs = ms
  }

  #send({
    from,
    to,
    batch,
    signal,
  }: {
    readonly from: string
    readonly to: string
    readonly batch: HeartbeatBatch
    readonly signal: AbortSignal
  }): Promise<HeartbeatReply> {
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason as Error)
      if (signal.aborted) {
        abort()
        return
      }
      signal.addEventListener('abort', abort, { once: true })
      this.#travel({ from, to, type: 'batch' }, () => {
        const outcome = this.#deliver(to, batch)
        this.#travel({ from: to, to: from, type: 'reply' }, () => {
          signal.removeEventListener('abort', abort)
          if (outcome.reply !== undefined) resolve(outcome.reply)
          else reject(outcome.error)
        })
      })
    })
  }

  #deliver(to: string, batch: HeartbeatBatch): Outcome {
    const receive = this.#receivers.get(to)
    if (receive === undefined)
      return { error: new RegistryError('REGISTRY_UNAVAILABLE', `nobody is at ${to}`) }
    try {
      return { reply: receive(batch) }
    } catch (error) {
      return { error: error instanceof Error ? error : new Error(String(error), { cause: error }) }
    }
  }

  #travel(message: MemoryPeersMessage, arrive: () => void): void {
    if (this.#isCut(message)) return
    const land = (): void => {
      if (!this.#isCut(message)) arrive()
    }
    for (const delayMs of this.#fate(message)) {
      if (delayMs > 0) this.#clock.setTimer(delayMs, land)
      else this.#clock.defer(land)
    }
  }

  #isCut({ from, to }: MemoryPeersMessage): boolean {
    return this.#cuts.get(from)?.has(to) === true
  }
}

/** Creates a network that nobody is attached to yet. */
export function createMemoryPeers(clock: Clock, options: MemoryPeersOptions = {}): MemoryPeersNetwork {
  return new Network(clock, options)
}
