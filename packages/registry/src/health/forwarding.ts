import { type Environment, invariant, type Timer } from '@orrery/environment'
import type { HeartbeatPeers } from '../ports.ts'
import { type ChannelParts, ForwardingChannel, type ForwardingCounters } from './forwarding-channel.ts'
import {
  type ForwarderOptions,
  type ResolvedForwarderOptions,
  resolveForwarderOptions,
} from './forwarding-options.ts'
import { createRing, type Ring } from './ring.ts'

/** What a forwarder works with. */
export interface ForwarderDeps {
  readonly environment: Environment
  /** The name of this member. */
  readonly self: string
  /** How others are reached. The forwarder does not close it. */
  readonly peers: HeartbeatPeers
  /**
   * Beats that were added for one member and are another's in the new ring. Called within `setRing`, when the new ring
   * holds already: adding them again, for their new owner, before it returns is what makes that nothing is lost.
   */
  readonly reroute: (paths: readonly string[]) => void
}

/** What a forwarder has done, and has to do. */
export interface ForwarderStats extends Readonly<ForwardingCounters> {
  /** Beats that wait or are in flight. */
  readonly pending: number
}

/**
 * Brings heartbeats to the members that judge by them, each over a channel of its own.
 *
 * A member may tell a client that its heartbeat counts only while the channel to the judge is valid: the judge has
 * acknowledged a batch that was sent less than `validMs` ago and left nothing waiting behind, and does not know
 * of a member that this one does not know. The judge on its side stops judging when it has not heard of a sender for
 * `silenceMs`, and takes its absence for certain only when the sender can have vouched for nothing more.
 */
export interface Forwarder {
  /** The members are these now. Beats move to their new owners. */
  setRing(ring: Ring): void
  /**
   * Whether a heartbeat may be answered for an instance that `owner` judges. `add` has to follow in the same turn.
   *
   * @param owner name of a member, not of this one
   * @param nowMs by the monotonic clock, of this turn
   */
  vouches(owner: string, nowMs: number): boolean
  /** Takes a beat for a member of the ring. Of beats of the same instance only one is sent. */
  add(owner: string, path: string): void
  /** Whether a member has acknowledged something lately, whatever may be vouched for. */
  reachable(owner: string): boolean
  stats(): ForwarderStats
  /** Begins to send. Before, and after `close`, nothing is vouched for. */
  start(): void
  /**
   * Vouches for nothing more, delivers what waits and says that no more follows. Takes no longer than twice `timeoutMs`,
   * and never rejects. Safe to call twice.
   */
  close(): Promise<void>
}

class ChannelForwarder implements Forwarder {
  readonly #deps: ForwarderDeps
  readonly #options: ResolvedForwarderOptions
  readonly #channels = new Map<string, ForwardingChannel>()
  readonly #parts: ChannelParts
  readonly #counters: ForwardingCounters = { sent: 0, failed: 0, delivered: 0, refused: 0, dropped: 0 }
  #ring = createRing([], 0)
  #lives = 0
  #state: 'created' | 'running' | 'closed' = 'created'
  #timer: Timer | undefined
  #closed: Promise<void> | undefined

  constructor(deps: ForwarderDeps, options: ResolvedForwarderOptions) {
    this.#deps = deps
    this.#options = options
    const { environment, self, peers } = deps
    const life = environment.random.id63().toString(36)
    this.#parts = {
      environment,
      self,
      peers,
      options,
      nextLife: () => `${life}.${++this.#lives}`,
      ring: () => this.#ring,
      counters: this.#counters,
    }
  }

  setRing(ring: Ring): void {
    if (this.#state === 'closed' || ring === this.#ring) return
    this.#ring = ring
    const members = new Map(ring.members.map((member) => [member.name, member]))
    members.delete(this.#deps.self)
    const moved: string[] = []
    const take = (paths: readonly string[]): void => {
      for (const path of paths) moved.push(path)
    }
    for (const [name, channel] of this.#channels) {
      const member = members.get(name)
      if (member !== undefined) {
        take(channel.setRing(ring, member))
        continue
      }
      this.#channels.delete(name)
      take(channel.close())
    }
    for (const [name, member] of members) {
      if (!this.#channels.has(name)) this.#channels.set(name, new ForwardingChannel(this.#parts, member))
    }
    if (moved.length > 0) this.#deps.reroute(moved)
    // Only now: the first batch of the new ring brings what moved.
    if (this.#state === 'running') this.#pump()
  }

  vouches(owner: string, nowMs: number): boolean {
    const channel = this.#channels.get(owner)
    return channel !== undefined && nowMs < channel.vouchesUntilMs
  }

  add(owner: string, path: string): void {
    const channel = this.#channels.get(owner)
    if (channel === undefined) this.#counters.dropped++
    else channel.add(path)
  }

  reachable(owner: string): boolean {
    return this.#channels.get(owner)?.isReachable(this.#deps.environment.clock.nowMs()) === true
  }

  stats(): ForwarderStats {
    let pending = 0
    for (const channel of this.#channels.values()) pending += channel.pending
    return { pending, ...this.#counters }
  }

  start(): void {
    if (this.#state === 'closed') return
    invariant(this.#state === 'created', 'a forwarder is started once')
    this.#state = 'running'
    this.#tick()
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#state = 'closed'
    this.#timer?.cancel()
    const untilMs = this.#deps.environment.clock.nowMs() + 2 * this.#options.timeoutMs
    await Promise.all(Array.from(this.#channels.values(), (channel) => channel.finish(untilMs)))
  }

  readonly #tick = (): void => {
    if (this.#state !== 'running') return
    this.#timer = this.#deps.environment.clock.setTimer(this.#options.lingerMs, this.#tick)
    this.#pump()
  }

  #pump(): void {
    const nowMs = this.#deps.environment.clock.nowMs()
    for (const channel of this.#channels.values()) channel.pump(nowMs)
  }
}

/**
 * Creates a forwarder. Nothing is sent until it is started.
 *
 * @throws RegistryError `REGISTRY_OPTION_INVALID`
 */
export function createForwarder(deps: ForwarderDeps, options: ForwarderOptions = {}): Forwarder {
  return new ChannelForwarder(deps, resolveForwarderOptions(options))
}
