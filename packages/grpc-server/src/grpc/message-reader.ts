/** A message with its prefix. Unit: bytes. */
export const prefixBytes = 5

const firstCapacityBytes = 4_096

/** A message is longer than the server takes. */
export class MessageTooLarge extends Error {
  constructor(bytes: number, maxBytes: number) {
    super(`Received message larger than max (${bytes} vs ${maxBytes})`)
  }
}

/** Takes the messages of a call. Those that came in one piece are views of what the socket gave. */
export type MessageHandler = (message: Buffer, isCompressed: boolean) => void

/** Cuts the body of a request into messages (gRPC over HTTP/2, "Length-Prefixed-Message"). */
export class MessageReader {
  readonly #maxBytes: number
  readonly #handle: MessageHandler
  /** Prefix and message, as far as they came. */
  #partial: Buffer | undefined
  #filled = 0

  /** @param maxBytes longest message; -1: any */
  constructor(maxBytes: number, handle: MessageHandler) {
    this.#maxBytes = maxBytes
    this.#handle = handle
  }

  /** What waits for the rest of its message. Unit: bytes. */
  get heldBytes(): number {
    return this.#filled
  }

  /**
   * Takes a part of the body.
   *
   * @returns how many messages it completed
   * @throws MessageTooLarge as soon as its prefix says so
   */
  read(bytes: Buffer, start: number, end: number): number {
    let at = start
    let completed = 0
    while (at < end) {
      if (this.#filled > 0) at = this.#fill(bytes, at, end)
      else if (end - at < prefixBytes) at = this.#begin(bytes, at, end)
      else {
        const length = this.#lengthAt(bytes, at)
        const next = at + prefixBytes + length
        if (next > end) at = this.#begin(bytes, at, end)
        else {
          completed += 1
          this.#handle(bytes.subarray(at + prefixBytes, next), bytes[at] !== 0)
          at = next
        }
        continue
      }
      if (this.#complete()) completed += 1
    }
    return completed
  }

  #begin(bytes: Buffer, at: number, end: number): number {
    this.#partial = Buffer.allocUnsafeSlow(Math.max(prefixBytes, Math.min(end - at, firstCapacityBytes)))
    return this.#fill(bytes, at, end)
  }

  /** Adds bytes to the message that has begun, as many as it lacks. @returns where it stopped */
  #fill(bytes: Buffer, at: number, end: number): number {
    let from = at
    if (this.#filled < prefixBytes)
      from = this.#append(bytes, from, Math.min(end, from + prefixBytes - this.#filled))
    const partial = this.#partial
    if (partial === undefined || this.#filled < prefixBytes) return from
    const lacks = prefixBytes + this.#lengthAt(partial, 0) - this.#filled
    return this.#append(bytes, from, Math.min(end, from + lacks))
  }

  /** Memory grows with what has come, not with what a prefix promises. */
  #append(bytes: Buffer, from: number, to: number): number {
    const needed = this.#filled + to - from
    let partial = this.#partial ?? Buffer.alloc(0)
    if (partial.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(this.#wholeBytes(), partial.length * 2)))
      partial.copy(grown, 0, 0, this.#filled)
      partial = grown
      this.#partial = grown
    }
    bytes.copy(partial, this.#filled, from, to)
    this.#filled = needed
    return to
  }

  #wholeBytes(): number {
    const partial = this.#partial
    return partial === undefined || this.#filled < prefixBytes
      ? prefixBytes
      : prefixBytes + this.#lengthAt(partial, 0)
  }

  #complete(): boolean {
    const partial = this.#partial
    if (partial === undefined || this.#filled < prefixBytes) return false
    const whole = prefixBytes + this.#lengthAt(partial, 0)
    if (this.#filled < whole) return false
    this.#partial = undefined
    this.#filled = 0
    this.#handle(partial.subarray(prefixBytes, whole), partial[0] !== 0)
    return true
  }

  #lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at + 1)
    if (this.#maxBytes >= 0 && length > this.#maxBytes) throw new MessageTooLarge(length, this.#maxBytes)
    return length
  }
}
