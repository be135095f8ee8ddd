/** A data key in memory, or on its way there. It is zeroed when nobody uses it and the cache has let go of it. */
export class HeldKey {
  /** Whoever awaits it holds the key meanwhile. */
  readonly bytes: Promise<Uint8Array>
  /** By the clock of the cache. Unit: ms; `Infinity`: it is on its way. */
  expiresAtMs = Infinity
  #holders = 0
  #discarded = false

  constructor(bytes: Promise<Uint8Array>) {
    this.bytes = bytes
  }

  /** Until {@link HeldKey.release}, the bytes stay as they are. */
  hold(): void {
    this.#holders++
  }

  release(): void {
    this.#holders--
    this.#zeroUnused()
  }

  /** The cache has let go of it. */
  discard(): void {
    this.#discarded = true
    this.#zeroUnused()
  }

  #zeroUnused(): void {
    if (!this.#discarded || this.#holders > 0) return
    this.bytes.then(
      (bytes) => bytes.fill(0),
      () => undefined, // there are none
    )
  }
}
