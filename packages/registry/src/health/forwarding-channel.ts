import { type Environment, invariant, type Timer } from '@orrery/environment'
import { RegistryError } from '../errors.ts'
import type { HeartbeatPeers, HeartbeatReply } from '../ports.ts'
import { parseHeartbeatReply } from './forwarding-messages.ts'
import type { ResolvedForwarderOptions } from './forwarding-options.ts'
import { PendingBeats } from './pending-beats.ts'
import type { Ring, RingMember } from './ring.ts'

/** What the channels of a forwarder share. */
export interface ChannelParts {
  readonly environment: Environment
  readonly self: string
  readonly peers: HeartbeatPeers
  readonly options: ResolvedForwarderOptions
  /** Names a life that nobody else has, nor this member had. */
  readonly nextLife: () => string
  /** The present one. */
  readonly ring: () => Ring
  readonly counters: ForwardingCounters
}

/** What has become of batches and beats since a forwarder was created. */
export interface ForwardingCounters {
  /** Batches. */
  sent: number
  /** Batches that were not acknowledged. */
  failed: number
  /** Beats that were acknowledged. */
  delivered: number
  /** Beats that were refused, each time. */
  refused: number
  /** Beats that were given up. */
  dropped: number
}

interface Attempt {
  readonly sentMs: number
  readonly isFull: boolean
  readonly beats: number
  readonly controller: AbortController
  readonly finished: (isAcknowledged: boolean) => void
}

/**
 * The way of beats to one other member, one batch at a time.
 *
 * Invariant: within a life of the channel no beat is lost. When beats have to be given up, the channel begins a new
 * life; the receiver then finds the old one silent, as if this member had died, and allows for what was lost.
 */
export class ForwardingChannel {
  /** Until when heartbeats may be vouched for. A field, because it is asked for each heartbeat. Unit: ms. */
  vouchesUntilMs = -Infinity
  readonly #parts: ChannelParts
  readonly #pending: PendingBeats
  #member: RingMember
  #life: string
  #sequence = 0
  /** Beats were given up in this life. */
  #isLossy = false
  #attempt: Attempt | undefined
  #timer: Timer | undefined
  #settled: Promise<boolean> = Promise.resolve(true)
  #state: 'open' | 'finishing' | 'closed' = 'open'
  /** Something is to be said at once. */
  #isUrgent = true
  #lastSentMs = -Infinity
  #retryMs = -Infinity
  /** When the last batch was sent that was acknowledged. Unit: ms. */
  #heardMs = -Infinity
  /** The same, of those that left nothing waiting behind. */
  #coveredMs = -Infinity
  /** Of the receiver's list of members, as it last said. */
  #receiverRevision = 0
  #pendingSinceMs = Infinity
  #isFailing = false

  constructor(parts: ChannelParts, member: RingMember) {
    this.#parts = parts
    this.#member = member
    this.#pending = new PendingBeats(parts.options)
    this.#life = parts.nextLife()
  }

  get pending(): number {
    return this.#pending.size
  }

  isReachable(nowMs: number): boolean {
    return nowMs < this.#heardMs + this.#parts.options.validMs
  }

  add(path: string): void {
    if (!this.#pending.add(path)) {
      this.#isLossy = true
      this.#parts.counters.dropped++
    }
    if (this.#pending.isFull) this.vouchesUntilMs = -Infinity
  }

  /** The ring is another one. Gives back the beats that are not this member's any more. */
  setRing(ring: Ring, member: RingMember): string[] {
    const { name, address, createRevision } = this.#member
    this.#member = member
    if (member.address !== address || member.createRevision !== createRevision) {
      // What another process or an earlier life acknowledged says nothing of this one.
      this.#abandon()
      this.#heardMs = -Infinity
      this.#coveredMs = -Infinity
      this.#retryMs = -Infinity
      this.#receiverRevision = 0
    }
    // Whoever judges waits to hear that everybody knows the new ring.
    this.#isUrgent = true
    const moved =
      this.#pending.size === 0 ? [] : this.#pending.takeMoved((path) => ring.owner(path)?.name === name)
    this.#update()
    return moved
  }

  /** Ends it without a word, as for a member that is gone. Gives back all beats. */
  close(): string[] {
    this.#state = 'closed'
    this.#abandon()
    this.#update()
    return this.#pending.takeMoved(() => false)
  }

  /** Nothing is vouched for any more. */
  stop(): void {
    this.#state = 'finishing'
    this.#update()
  }

  /** Sends what waits, and that no more follows, until then at the latest. Unit: ms. */
  async finish(untilMs: number): Promise<void> {
    const { clock } = this.#parts.environment
    this.stop()
    await this.#settled
    const { timeoutMs, keepaliveMs } = this.#parts.options
    const leftMs = (): number => untilMs - clock.nowMs()
    while (leftMs() > 0 && (this.#sequence > 0 || this.#pending.size > 0)) {
      const { isLast } = this.#send(Math.min(timeoutMs, leftMs()))
      if (await this.#settled) {
        if (isLast) break
      } else if (leftMs() > 0) await this.#pause(Math.min(keepaliveMs, leftMs()))
    }
    this.#parts.counters.dropped += this.close().length
  }

  /** Sends a batch if it is time for one. */
  pump(nowMs: number): void {
    if (this.#state !== 'open' || this.#attempt !== undefined || nowMs < this.#retryMs) return
    this.#dropOld(nowMs)
    const { lingerMs, keepaliveMs, timeoutMs } = this.#parts.options
    // Time comes in steps of lingerMs, give or take a little.
    const intervalMs = this.#isReceiverAhead ? lingerMs : keepaliveMs
    const isKeepaliveDue = nowMs + lingerMs / 2 >= this.#lastSentMs + intervalMs
    if (this.#isUrgent || isKeepaliveDue || this.#pending.isDue(nowMs)) this.#send(timeoutMs)
  }

  #dropOld(nowMs: number): void {
    if (this.#pending.size === 0) {
      this.#pendingSinceMs = Infinity
      return
    }
    if (this.#pendingSinceMs === Infinity) this.#pendingSinceMs = nowMs
    if (nowMs - Math.max(this.#coveredMs, this.#pendingSinceMs) < this.#parts.options.beatLifeMs) return
    this.#parts.counters.dropped += this.#pending.takeMoved(() => false).length
    this.#pendingSinceMs = Infinity
    this.#isLossy = true
  }

  #send(timeoutMs: number): { readonly isLast: boolean } {
    invariant(this.#attempt === undefined, 'one batch is in flight')
    const { environment, self, ring, counters } = this.#parts
    if (this.#isLossy) this.#beginLife()
    const sentMs = environment.clock.nowMs()
    const { beats, isFull } = this.#pending.takeBatch(sentMs)
    const isLast = this.#state === 'finishing' && !isFull
    const ringRevision = ring().revision
    const controller = new AbortController()
    let finished: Attempt['finished'] = () => {}
    this.#settled = new Promise((resolve) => {
      finished = resolve
    })
    const attempt: Attempt = { sentMs, isFull, beats: beats.length, controller, finished }
    this.#attempt = attempt
    this.#timer = environment.clock.setTimer(timeoutMs, () => {
      this.#failed(attempt, new RegistryError('REGISTRY_UNAVAILABLE', `no reply within ${timeoutMs} ms`))
    })
    this.#isUrgent = false
    this.#lastSentMs = sentMs
    counters.sent++
    const batch = { from: self, life: this.#life, sequence: ++this.#sequence, ringRevision, beats, isLast }
    this.#call(batch, controller.signal).then(
      (reply) => this.#acknowledged(attempt, reply),
      (error: unknown) => this.#failed(attempt, error),
    )
    return { isLast }
  }

  async #call(batch: Parameters<HeartbeatPeers['send']>[1], signal: AbortSignal): Promise<HeartbeatReply> {
    const reply = await this.#parts.peers.send(this.#member.address, batch, { signal })
    return parseHeartbeatReply(reply, batch.beats.length)
  }

  #acknowledged(attempt: Attempt, { ringRevision, refused }: HeartbeatReply): void {
    if (this.#attempt !== attempt) return
    const { environment, counters } = this.#parts
    const nowMs = environment.clock.nowMs()
    const { sentMs, isFull, beats } = attempt
    this.#land()
    const dropped = this.#pending.acknowledged(refused, nowMs)
    counters.delivered += beats - refused.length
    counters.refused += refused.length
    counters.dropped += dropped
    this.#heardMs = sentMs
    if (!isFull) {
      this.#coveredMs = sentMs
      this.#pendingSinceMs = Infinity
    }
    this.#receiverRevision = ringRevision
    if (this.#isFailing)
      environment.logger.info('heartbeats reach a member again', { member: this.#member.name })
    this.#isFailing = false
    this.#update()
    attempt.finished(true)
    // The receiver waits to hear that nothing is left.
    if (isFull) this.#isUrgent = true
    if (this.#isUrgent) this.pump(nowMs)
  }

  #failed(attempt: Attempt, error: unknown): void {
    if (this.#attempt !== attempt) return
    const { environment, counters, options } = this.#parts
    counters.failed++
    this.#retryMs = environment.clock.nowMs() + options.lingerMs
    if (!this.#isFailing) {
      environment.logger.warn('heartbeats do not reach a member', { member: this.#member.name, error })
    }
    this.#isFailing = true
    this.#abandon()
  }

  /** Waits no longer for the batch in flight. */
  #abandon(): void {
    const attempt = this.#attempt
    if (attempt === undefined) return
    this.#land()
    this.#pending.failed()
    this.#update()
    attempt.controller.abort(new RegistryError('REGISTRY_UNAVAILABLE', 'the batch is given up'))
    attempt.finished(false)
  }

  #land(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#attempt = undefined
  }

  #beginLife(): void {
    this.#isLossy = false
    this.#life = this.#parts.nextLife()
    this.#sequence = 0
  }

  /** It knows of a member that this one does not: what this one takes for its paths may be somebody else's. */
  get #isReceiverAhead(): boolean {
    return this.#receiverRevision > this.#parts.ring().revision
  }

  #update(): void {
    const isSilent = this.#state !== 'open' || this.#isReceiverAhead || this.#pending.isFull
    this.vouchesUntilMs = isSilent ? -Infinity : this.#coveredMs + this.#parts.options.validMs
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.environment.clock.setTimer(delayMs, resolve)
    })
  }
}
