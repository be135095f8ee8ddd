import { RegistryError } from '../errors.ts'
import type { HeartbeatBatch, HeartbeatReply } from '../ports.ts'
import {
  forgetAfterMs,
  type HeartbeatIntakeOptions,
  type ResolvedHeartbeatIntakeOptions,
  resolveIntakeOptions,
} from './forwarding-options.ts'
import type { Ring } from './ring.ts'

/** What an intake is told with a batch. */
export interface IntakeHost {
  /** By the monotonic clock. Unit: ms. */
  readonly nowMs: number
  /** Of this member's list of members. */
  readonly ringRevision: number
  /** Notes a beat. False: the instance is not known, or not this member's to judge. */
  readonly accept: (path: string) => boolean
}

/**
 * Takes the heartbeats that other members forward, and knows whether any may be missing.
 *
 * Law: when a sender has told a client that its heartbeat counts, the judge has been brought it before a clock that goes only
 * while `isComplete` moves on by more than `silenceMs` and the time that a batch may be on its way; or the sender is
 * gone, and `lostUntilMs` is not before that heartbeat.
 */
export interface HeartbeatIntake {
  /**
   * Takes a batch that is valid in form. One that was overtaken by a later one, or comes twice, is refused beat by beat.
   *
   * @throws RegistryError `REGISTRY_OVERLOADED` when there are too many senders
   */
  receive(batch: HeartbeatBatch, host: IntakeHost): HeartbeatReply
  /**
   * The members are these now. When somebody joined, evidence is not complete until all others know him: until then they
   * may take heartbeats for whoever judged before. So it is from the first ring on after a start, when others may
   * still count on the member that this one was before.
   *
   * @param self name of this member
   */
  setRing(ring: Ring, self: string, nowMs: number): void
  /** Whether all heartbeats that may have been vouched for until shortly before have come, but for lost ones. */
  isComplete(nowMs: number): boolean
  /** Names of the members that are waited for, in order. */
  silent(nowMs: number): readonly string[]
  /**
   * Senders that fell silent without a farewell may have vouched, until then, for heartbeats that never came: whoever is
   * judged counts as heard at this time. It grows only, each time after evidence was not complete for a while, and is
   * never later than now. `-Infinity`: nothing was lost. Unit: ms of the clock of `nowMs`.
   */
  lostUntilMs(nowMs: number): number
}

interface Sender {
  readonly name: string
  /** Of the last batch. */
  sequence: number
  /** When the last batch came. Unit: ms. */
  heardMs: number
  /** When the last one came that left nothing waiting behind. Unit: ms. */
  coveredMs: number
  /**
   * - `heard`: it may vouch for heartbeats
   * - `forgotten`: it has been silent for so long that it cannot
   * - `ended`: it said so itself
   */
  state: 'heard' | 'forgotten' | 'ended'
}

/** How long it is known of senders that are gone what they sent last: batches may be on the way for long. Unit: ms. */
const rememberMs = 60_000

class Intake implements HeartbeatIntake {
  readonly #options: ResolvedHeartbeatIntakeOptions
  /**
   * By name and life. Lives are told apart, and none of them replaces another: nothing orders them, so a batch of
   * a former process that comes late could not be told from one of a newer process.
   */
  readonly #senders = new Map<string, Sender>()
  #lostUntilMs = -Infinity
  #ringRevision = -1
  /** Members that may not know the ring yet. */
  #behind = new Set<string>()
  #behindUntilMs = -Infinity

  constructor(options: ResolvedHeartbeatIntakeOptions) {
    this.#options = options
  }

  receive(batch: HeartbeatBatch, { nowMs, ringRevision, accept }: IntakeHost): HeartbeatReply {
    const { beats } = batch
    const sender = this.#senderOf(batch, nowMs)
    if (sender.state === 'ended' || batch.sequence <= sender.sequence) {
      return { ringRevision, refused: beats.map((_, position) => position) }
    }
    const refused: number[] = []
    beats.forEach((path, position) => {
      if (!accept(path)) refused.push(position)
    })
    sender.sequence = batch.sequence
    sender.heardMs = nowMs
    if (beats.length < this.#options.batchMaxBeats) sender.coveredMs = nowMs
    sender.state = batch.isLast ? 'ended' : 'heard'
    if (batch.isLast || batch.ringRevision >= this.#ringRevision) this.#behind.delete(batch.from)
    return { ringRevision, refused }
  }

  setRing(ring: Ring, self: string, nowMs: number): void {
    const others = new Set(ring.members.map(({ name }) => name))
    others.delete(self)
    if (ring.revision > this.#ringRevision) {
      this.#behind = others
      this.#behindUntilMs = nowMs + this.#options.catchUpMaxMs
    } else {
      // Whoever left took nothing from anybody, and is not waited for.
      for (const name of this.#behind) if (!others.has(name)) this.#behind.delete(name)
    }
    this.#ringRevision = ring.revision
  }

  isComplete(nowMs: number): boolean {
    this.#forget(nowMs)
    if (this.#isBehindAwaited(nowMs)) return false
    for (const sender of this.#senders.values()) if (this.#isSilent(sender, nowMs)) return false
    return true
  }

  silent(nowMs: number): readonly string[] {
    this.#forget(nowMs)
    const names = new Set(this.#isBehindAwaited(nowMs) ? this.#behind : [])
    for (const sender of this.#senders.values()) if (this.#isSilent(sender, nowMs)) names.add(sender.name)
    return [...names].sort()
  }

  lostUntilMs(nowMs: number): number {
    this.#forget(nowMs)
    return this.#lostUntilMs
  }

  #senderOf({ from, life }: HeartbeatBatch, nowMs: number): Sender {
    const key = `${life}\n${from}`
    const known = this.#senders.get(key)
    if (known !== undefined) return known
    this.#forget(nowMs)
    if (this.#senders.size >= this.#options.sendersMax) this.#makeRoom()
    const sender: Sender = {
      name: from,
      sequence: 0,
      heardMs: nowMs,
      coveredMs: -Infinity,
      state: 'forgotten',
    }
    this.#senders.set(key, sender)
    return sender
  }

  /** @throws RegistryError `REGISTRY_OVERLOADED` when all senders may still vouch for something */
  #makeRoom(): void {
    for (const [key, { state }] of this.#senders) {
      if (state === 'heard') continue
      this.#senders.delete(key)
      return
    }
    throw new RegistryError('REGISTRY_OVERLOADED', `more than ${this.#senders.size} senders of heartbeats`)
  }

  #isSilent({ state, coveredMs }: Sender, nowMs: number): boolean {
    return state === 'heard' && nowMs - coveredMs > this.#options.silenceMs
  }

  #isBehindAwaited(nowMs: number): boolean {
    return this.#behind.size > 0 && nowMs < this.#behindUntilMs
  }

  #forget(nowMs: number): void {
    const afterMs = forgetAfterMs(this.#options)
    for (const [key, sender] of this.#senders) {
      const untilMs = sender.heardMs + afterMs
      if (sender.state === 'heard' && nowMs > untilMs) {
        sender.state = 'forgotten'
        this.#lostUntilMs = Math.max(this.#lostUntilMs, untilMs)
      } else if (sender.state !== 'heard' && nowMs - sender.heardMs > rememberMs) this.#senders.delete(key)
    }
  }
}

/**
 * Creates an intake that knows no sender yet.
 *
 * @throws RegistryError `REGISTRY_OPTION_INVALID`
 */
export function createHeartbeatIntake(options: HeartbeatIntakeOptions = {}): HeartbeatIntake {
  return new Intake(resolveIntakeOptions(options))
}
