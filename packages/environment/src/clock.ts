/** Something that was scheduled on a {@link Clock} and has not happened yet. */
export interface Timer {
  /** Prevents the callback. Does nothing when it already ran. */
  cancel(): void
}

/**
 * Time as a component sees it. Production code reads Node's clock; a test or the simulator moves a clock
 * of its own.
 */
export interface Clock {
  /**
   * Monotonic time. It has no meaning by itself: only differences count. Never goes backwards.
   * Unit: ms, with a fraction.
   */
  nowMs(): number
  /**
   * Time of day since 1970, which an operator or NTP may move in both directions. For people to read; no
   * expiry, election or ordering may depend on it. Unit: ms.
   */
  wallMs(): number
  /**
   * Runs `callback` once, `delayMs` from now or later. Delays of more than 2^31 - 1 ms are clamped to it,
   * because Node would run them at once.
   *
   * The timer does not keep the process alive: whoever needs the process owns a socket, a file or a worker.
   */
  setTimer(delayMs: number, callback: () => void): Timer
  /**
   * Runs `callback` in a later turn of the event loop, after input that is already waiting. Sliced work
   * calls this between slices. Unlike {@link Clock.setTimer} it keeps the process alive until it ran.
   */
  defer(callback: () => void): Timer
}
