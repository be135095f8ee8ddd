import { JsonSyntaxError } from './parse-json.ts'

const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const quote = 0x22
const backslash = 0x5c

/** A request that exceeds the limit. */
export class JsonTooLargeError extends Error {
  override readonly name = 'JsonTooLargeError'

  /** @param bytes how much arrived. Unit: bytes. @param maxBytes what is allowed. Unit: bytes. */
  constructor(bytes: number, maxBytes: number) {
    super(`received message larger than max (${bytes} vs. ${maxBytes})`)
  }
}

/**
 * Cuts a stream of bytes into the JSON objects that it consists of, however the bytes arrive. It looks at
 * brackets and strings only; whether an object is valid is for `parseJson` to say.
 *
 * At most `messageMaxBytes` are held at a time.
 */
export class JsonFramer {
  readonly #messageMaxBytes: number
  #held: Buffer[] = []
  #heldBytes = 0
  #depth = 0
  #inString = false
  #escaped = false

  /** @param messageMaxBytes longest object. Unit: bytes. */
  constructor(messageMaxBytes: number) {
    this.#messageMaxBytes = messageMaxBytes
  }

  /** True between objects: the stream may end here. */
  get idle(): boolean {
    return this.#depth === 0
  }

  /**
   * Takes the next bytes and gives the objects that they complete. Exhaust it before the next call.
   *
   * @throws JsonSyntaxError when something other than an object begins
   * @throws JsonTooLargeError
   */
  *push(chunk: Buffer): Generator<Buffer> {
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0
      if (this.#depth === 0) {
        if (byte === openBrace) {
          start = at
          this.#depth = 1
        } else if (!isWhitespace(byte)) {
          const character = String.fromCharCode(byte)
          throw new JsonSyntaxError(`invalid character '${character}' looking for beginning of value`)
        }
      } else if (this.#ends(byte)) {
        yield this.#take(chunk.subarray(start, at + 1))
      }
    }
    if (this.#depth > 0) this.#hold(chunk.subarray(start))
  }

  /** Follows one byte inside an object; true when it is the object's last. */
  #ends(byte: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (byte === backslash) this.#escaped = true
      else if (byte === quote) this.#inString = false
      return false
    }
    if (byte === quote) this.#inString = true
    else if (byte === openBrace || byte === openBracket) this.#depth += 1
    else if (byte === closeBrace || byte === closeBracket) this.#depth -= 1
    return this.#depth === 0
  }

  #hold(piece: Buffer): void {
    this.#heldBytes += piece.length
    if (this.#heldBytes > this.#messageMaxBytes) {
      throw new JsonTooLargeError(this.#heldBytes, this.#messageMaxBytes)
    }
    this.#held.push(piece)
  }

  #take(last: Buffer): Buffer {
    this.#hold(last)
    const object = Buffer.concat(this.#held)
    this.#held = []
    this.#heldBytes = 0
    return object
  }
}

function isWhitespace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
