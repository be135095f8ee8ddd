import { type Clock, createRandom, type Environment, type Random, silentLogger } from '@orrery/environment'
import { createManualClock, type ManualClock } from '@orrery/environment/testing'
import { createForwarder, type Forwarder } from '../src/health/forwarding.ts'
import { createHeartbeatIntake, type HeartbeatIntake } from '../src/health/heartbeat-intake.ts'
import { createRing, type Ring } from '../src/health/ring.ts'
import { createMemoryPeers, type MemoryPeersNetwork } from '../src/testing/memory-peers.ts'

/** Something that goes wrong, from then on for so long. Unit: ms. */
export interface Trouble {
  readonly type: 'cut' | 'cutThere' | 'cutBack' | 'pause' | 'crash' | 'leave'
  /** 0: the judge, where that makes sense. */
  readonly member: number
  readonly atMs: number
  readonly forMs: number
}

/** What a trial is made of. */
export interface TrialPlan {
  readonly seed: number
  readonly senders: number
  /** Of each message. */
  readonly lossPart: number
  readonly delayMaxMs: number
  readonly duplicatePart: number
  /** By how much the clocks of senders are fast. */
  readonly drift: number
  /** Heartbeats that come to each sender in a step. */
  readonly beatsPerStep: number
  readonly batchMaxBeats: number
  /** How late members learn of the list of members. Unit: ms. */
  readonly ringLagMaxMs: number
  readonly troubles: readonly Trouble[]
}

/** How a trial went. */
export interface TrialResult {
  readonly vouched: number
  readonly accepted: number
  /** Beats that never came, and that the judge allowed for. */
  readonly excused: number
  /** Beats that never came although the judge took its evidence for complete, and for how long. */
  readonly violations: readonly string[]
  /** Steps in which a sender vouched for nothing, and in which the judge could not judge. */
  readonly unavailableSteps: number
  readonly incompleteSteps: number
}

interface Beat {
  readonly path: string
  readonly atMs: number
  readonly judgeMs: number
}

export const stepMs = 10
const silenceMs = 500
/** A judge that notices a longer pause of its own does not judge for as long again, but no longer than this. */
const stall = { minMs: 500, graceMaxMs: 1_000 } as const

/** Lets what has been resolved be noticed. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve()
}

/** A clock of its own speed, whose callbacks do not run while its process is paused. */
function processClock(base: ManualClock, rate: number, pausedUntilMs: (nowMs: number) => number): Clock {
  const later = (delayMs: number, callback: () => void): (() => void) => {
    let timer = base.setTimer(delayMs, () => {
      const waitMs = pausedUntilMs(base.nowMs()) - base.nowMs()
      if (waitMs <= 0) callback()
      else timer = { cancel: later(waitMs, callback) }
    })
    return () => timer.cancel()
  }
  return {
    nowMs: () => base.nowMs() * rate,
    wallMs: () => base.wallMs(),
    setTimer: (delayMs, callback) => ({ cancel: later(delayMs / rate, callback) }),
    defer: (callback) => base.defer(callback),
  }
}

/** Some senders and one judge, whose clock is the true one, with all that can go wrong between them. */
export class Trial {
  readonly #plan: TrialPlan
  readonly #random: Random
  readonly #clock = createManualClock(1_000)
  readonly #network: MemoryPeersNetwork
  readonly #senders: Sender[]
  readonly #due: { readonly atMs: number; readonly run: () => void }[] = []
  #intake: HeartbeatIntake
  #ring: Ring
  #judgeRing: Ring
  #judgeIsUp = true
  #judgeMs = 0
  #judgeStartMs = 0
  #judgeSeenMs = 0
  #resumeMs = 0
  #isCalm = false
  #beats = new Map<string, Beat>()
  #counts = { vouched: 0, accepted: 0, excused: 0, unavailableSteps: 0, incompleteSteps: 0 }
  readonly #violations: string[] = []

  constructor(plan: TrialPlan) {
    this.#plan = plan
    this.#random = createRandom(plan.seed)
    this.#network = createMemoryPeers(this.#clock, {
      fate: ({ to }) => {
        if (this.#isCalm) return [this.#onceAwake(to, 1)]
        if (this.#random.float() < plan.lossPart) return []
        const copies = this.#random.float() < plan.duplicatePart ? 2 : 1
        return Array.from({ length: copies }, () =>
          this.#onceAwake(to, this.#random.float() * plan.delayMaxMs),
        )
      },
    })
    this.#judgeSeenMs = this.#clock.nowMs()
    this.#ring = this.#ringOf(10)
    this.#judgeRing = this.#ring
    this.#intake = this.#startJudge()
    this.#senders = Array.from({ length: plan.senders }, (_, i) => {
      const name = `m${i + 1}`
      const rate = 1 + plan.drift * (i % 2 === 0 ? 1 : -1)
      const clock = processClock(this.#clock, rate, (nowMs) => this.#pausedUntilMs(i + 1, nowMs))
      return new Sender({ name, clock, seed: plan.seed + i, network: this.#network, plan, ring: this.#ring })
    })
    for (const trouble of plan.troubles) this.#begin(trouble)
  }

  get result(): TrialResult {
    return { ...this.#counts, violations: this.#violations }
  }

  /** Lets time pass, with all troubles that fall into it. */
  async run(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) await this.#step()
  }

  /** Nothing is lost any more, and time passes: more than the troubles last that have begun. */
  async calm(ms: number): Promise<void> {
    this.#isCalm = true
    this.#network.heal()
    await this.run(ms)
    this.#counts.unavailableSteps = 0
    this.#counts.incompleteSteps = 0
  }

  get outstanding(): number {
    return this.#beats.size
  }

  #begin({ type, member, atMs, forMs }: Trouble): void {
    const name = `m${1 + (member % this.#plan.senders)}`
    const at = (delayMs: number, run: () => void): void => {
      this.#due.push({ atMs: 1_000 + delayMs, run })
    }
    const sender = this.#senders.find((candidate) => candidate.name === name)
    if (type === 'cut') at(atMs, () => this.#network.cut(name, 'o'))
    if (type === 'cutThere') at(atMs, () => this.#network.cut(name, 'o', 'oneWay'))
    if (type === 'cutBack') at(atMs, () => this.#network.cut('o', name, 'oneWay'))
    if (type.startsWith('cut')) at(atMs + forMs, () => this.#network.heal())
    if (type === 'leave') at(atMs, () => void sender?.leave())
    if (type === 'crash' && member === 0) {
      at(atMs, () => this.#crashJudge())
      at(atMs + forMs, () => {
        this.#ring = this.#judgeRing = this.#ringOf(this.#ring.revision + 1)
        this.#intake = this.#startJudge()
        this.#spread()
      })
    } else if (type === 'crash' || type === 'leave') {
      if (type === 'crash') at(atMs, () => sender?.crash())
      at(atMs + forMs + 50, () => {
        this.#ring = this.#ringOf(this.#ring.revision + 1)
        sender?.restart(this.#ring)
        this.#spread()
      })
    }
  }

  /** Everybody learns of the members, some later than others. */
  #spread(): void {
    const ring = this.#ring
    const lagMs = (): number => this.#random.float() * this.#plan.ringLagMaxMs
    const later = (run: () => void): void => {
      this.#due.push({ atMs: this.#clock.nowMs() + lagMs(), run })
    }
    for (const sender of this.#senders) later(() => sender.setRing(ring))
    later(() => {
      if (ring.revision <= this.#judgeRing.revision || !this.#judgeIsUp) return
      this.#judgeRing = ring
      this.#intake.setRing(ring, 'o', this.#clock.nowMs())
    })
  }

  #ringOf(revision: number): Ring {
    const names = ['o', ...Array.from({ length: this.#plan.senders }, (_, i) => `m${i + 1}`)]
    return createRing(
      names.map((name) => ({ name, address: name, createRevision: 1 })),
      revision,
    )
  }

  #startJudge(): HeartbeatIntake {
    const intake = createHeartbeatIntake({ batchMaxBeats: this.#plan.batchMaxBeats })
    intake.setRing(this.#judgeRing, 'o', this.#clock.nowMs())
    this.#judgeIsUp = true
    this.#judgeSeenMs = this.#clock.nowMs()
    this.#judgeStartMs = this.#judgeMs
    this.#beats.clear()
    this.#network.attach('o', (batch) =>
      intake.receive(batch, {
        nowMs: this.#clock.nowMs(),
        ringRevision: this.#judgeRing.revision,
        accept: (path) => {
          if (this.#beats.delete(path)) this.#counts.accepted++
          return true
        },
      }),
    )
    return intake
  }

  #crashJudge(): void {
    this.#judgeIsUp = false
    this.#network.attach('o', undefined)
  }

  async #step(): Promise<void> {
    this.#clock.advance(stepMs)
    await settle()
    const nowMs = this.#clock.nowMs()
    for (let i = 0; i < this.#due.length; i++) {
      const due = this.#due[i]
      if (due === undefined || due.atMs > nowMs) continue
      this.#due.splice(i--, 1)
      due.run()
    }
    this.#senders.forEach((sender, i) => {
      if (this.#pausedUntilMs(i + 1, nowMs) <= nowMs) this.#takeHeartbeats(sender)
    })
    await settle()
    if (this.#judgeIsUp && this.#pausedUntilMs(0, nowMs) <= nowMs) this.#judge(nowMs)
  }

  #takeHeartbeats(sender: Sender): void {
    for (let n = 0; n < this.#plan.beatsPerStep; n++) {
      const path = sender.takeHeartbeat()
      if (path === undefined) {
        this.#counts.unavailableSteps++
        return
      }
      this.#counts.vouched++
      // Whoever begins to judge gives everybody his full time from when his clock first moves.
      if (this.#judgeMs === this.#judgeStartMs) continue
      this.#beats.set(path, { path, atMs: this.#clock.nowMs(), judgeMs: this.#judgeMs })
    }
  }

  /** Moves the judge's clock, as a health checker would, and holds what has not come against it. */
  #judge(nowMs: number): void {
    const gapMs = nowMs - this.#judgeSeenMs
    this.#judgeSeenMs = nowMs
    if (gapMs > stall.minMs) this.#resumeMs = nowMs + Math.min(gapMs, stall.graceMaxMs)
    const lostUntilMs = this.#intake.lostUntilMs(nowMs)
    if (!this.#intake.isComplete(nowMs) || nowMs < this.#resumeMs) this.#counts.incompleteSteps++
    else this.#judgeMs += gapMs
    const onItsWayMs = this.#plan.delayMaxMs + stall.minMs
    for (const [path, beat] of this.#beats) {
      const judgedMs = this.#judgeMs - beat.judgeMs
      if (lostUntilMs >= beat.atMs) {
        this.#beats.delete(path)
        this.#counts.excused++
      } else if (judgedMs > silenceMs + onItsWayMs + 2 * stepMs) {
        this.#beats.delete(path)
        this.#violations.push(
          `${path}, vouched for at ${beat.atMs}, is missing at ${nowMs} after ${judgedMs} ms`,
        )
      }
    }
  }

  #onceAwake(name: string, delayMs: number): number {
    const arrivalMs = this.#clock.nowMs() + delayMs
    const member = name === 'o' ? 0 : Number(name.slice(1))
    return Math.max(arrivalMs, this.#pausedUntilMs(member, arrivalMs)) - this.#clock.nowMs()
  }

  /** When a member runs again, if it does not at this time. */
  #pausedUntilMs(member: number, nowMs: number): number {
    let untilMs = -Infinity
    for (const trouble of this.#plan.troubles) {
      const atMs = 1_000 + trouble.atMs
      if (trouble.type !== 'pause' || trouble.member % (this.#plan.senders + 1) !== member) continue
      if (nowMs >= atMs && nowMs < atMs + trouble.forMs) untilMs = Math.max(untilMs, atMs + trouble.forMs)
    }
    return untilMs
  }
}

interface SenderParts {
  readonly name: string
  readonly clock: Clock
  readonly seed: number
  readonly network: MemoryPeersNetwork
  readonly plan: TrialPlan
  readonly ring: Ring
}

/** A member that takes heartbeats, through restarts. */
class Sender {
  readonly name: string
  readonly #parts: SenderParts
  #forwarder: Forwarder | undefined
  #kill: () => void = () => {}
  #ringRevision = 0
  #lives = 0
  #count = 0

  constructor(parts: SenderParts) {
    this.#parts = parts
    this.name = parts.name
    this.restart(parts.ring)
  }

  takeHeartbeat(): string | undefined {
    if (this.#forwarder?.vouches('o', this.#parts.clock.nowMs()) !== true) return undefined
    // One that the judge judges.
    let path = ''
    do path = `${this.name}/${++this.#count}`
    while (this.#parts.ring.owner(path)?.name !== 'o')
    this.#forwarder.add('o', path)
    return path
  }

  setRing(ring: Ring): void {
    if (ring.revision <= this.#ringRevision) return
    this.#ringRevision = ring.revision
    this.#forwarder?.setRing(ring)
  }

  /** Ends as a process does that is killed: its timers do not run any more, and nobody reads its replies. */
  crash(): void {
    this.#forwarder = undefined
    this.#kill()
  }

  async leave(): Promise<void> {
    const forwarder = this.#forwarder
    this.#forwarder = undefined
    await forwarder?.close()
  }

  restart(ring: Ring): void {
    if (this.#forwarder !== undefined) return
    const { name, clock, seed, network, plan } = this.#parts
    let isDead = false
    this.#kill = () => {
      isDead = true
    }
    const mortal: Clock = {
      ...clock,
      setTimer: (delayMs, callback) =>
        clock.setTimer(delayMs, () => {
          if (!isDead) callback()
        }),
    }
    const random = createRandom(seed * 1_000 + ++this.#lives)
    const environment: Environment = { clock: mortal, random, logger: silentLogger }
    const peers = network.peers(name)
    this.#forwarder = createForwarder(
      { environment, self: name, peers, reroute: () => {} },
      { batchMaxBeats: plan.batchMaxBeats },
    )
    this.#ringRevision = 0
    this.setRing(ring)
    this.#forwarder.start()
  }
}
