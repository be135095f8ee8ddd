import type { DefenceKind } from '../counters.ts'
import { Budget } from './budget.ts'
import type { ConnectionHost } from './connection-host.ts'
import { ConnectionError, errorCode } from './protocol.ts'

/** How many idle frames each frame of a response pays for: window updates and pings that measure the way. */
const idleFramesPerFrame = 10

/** Pings that come too early, with nothing sent in between, before the client is turned away. gRPC proposal A8. */
const strikesMax = 2

/** How often a client without calls may ping. gRPC proposal A8. Unit: ms. */
const pingWithoutCallsMinIntervalMs = 7_200_000

/** Bounds what one client may ask for without getting on. */
export class Guard {
  readonly #host: ConnectionHost
  readonly #resets: Budget
  readonly #idleFrames: Budget
  #strikes = 0
  #pingedMs = -Infinity
  #sentSincePing = false

  constructor(host: ConnectionHost) {
    const { limits, clock } = host
    this.#host = host
    this.#resets = new Budget(clock, limits.resetsMaxBurst, limits.resetsPerSecond)
    this.#idleFrames = new Budget(clock, limits.idleFramesMaxBurst, limits.idleFramesPerSecond)
  }

  /** A call was reset, by the client or for a mistake of it. @throws ConnectionError `enhanceYourCalm` */
  reset(): void {
    if (!this.#resets.spend(1)) this.refuse('resetFlood', 'too many resets')
  }

  /** A frame came that moves no call on. @throws ConnectionError `enhanceYourCalm` */
  idleFrame(cost = 1): void {
    if (!this.#idleFrames.spend(cost)) this.refuse('idleFrameFlood', 'too many frames without use')
  }

  /** A frame of a response was sent. */
  frameSent(): void {
    this.#sentSincePing = true
    this.#idleFrames.earn(idleFramesPerFrame)
  }

  /** The client pings. @throws ConnectionError `enhanceYourCalm` */
  ping(calls: number): void {
    this.idleFrame()
    const { pingMinIntervalMs, pingWithoutCalls } = this.#host.limits
    if (pingMinIntervalMs === 0) return
    const nowMs = this.#host.clock.nowMs()
    const sinceMs = nowMs - this.#pingedMs
    this.#pingedMs = nowMs
    if (this.#sentSincePing) {
      this.#sentSincePing = false
      this.#strikes = 0
      return
    }
    const mayIdle = calls > 0 || pingWithoutCalls
    if (sinceMs >= (mayIdle ? pingMinIntervalMs : pingWithoutCallsMinIntervalMs)) return
    this.#strikes += 1
    if (this.#strikes > strikesMax) this.refuse('tooManyPings', 'too_many_pings')
  }

  /** @throws ConnectionError `enhanceYourCalm` */
  refuse(kind: DefenceKind, reason: string): never {
    this.#host.counters.defend(kind)
    throw new ConnectionError(errorCode.enhanceYourCalm, reason)
  }
}
