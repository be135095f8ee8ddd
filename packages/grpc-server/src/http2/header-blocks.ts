import { HpackDecoder, type HeaderListLimits, HpackError } from '../hpack/decoder.ts'
import { HpackEncoder } from '../hpack/encoder.ts'
import { ConnectionError, errorCode } from './protocol.ts'
import { areRegularFields, parseRequestHead, type RequestHead } from './request-head.ts'

/** What a header block says: a request, or why it is none. */
export type Decoded = RequestHead | 'malformed' | 'tooLarge'

interface Remembered {
  readonly version: number
  readonly block: Buffer
  readonly head: RequestHead
}

const rememberedMax = 8
const rememberedMaxBytes = 256

/**
 * Reads header blocks. A client that makes similar calls sends the same few bytes again and again, all of them
 * references to its table: while the table stands still they mean the same, and are looked up instead of decoded.
 */
export class HeaderBlockReader {
  readonly #decoder = new HpackDecoder({ tableMaxBytes: 4_096 })
  readonly #limits: HeaderListLimits
  #remembered: Remembered[] = []

  constructor(limits: HeaderListLimits) {
    this.#limits = limits
  }

  /** @throws ConnectionError `compressionError` */
  request(block: Buffer, start: number, end: number): Decoded {
    const { version } = this.#decoder
    for (const one of this.#remembered) {
      if (one.version === version && isEqual(one.block, block, start, end)) return one.head
    }
    const fields: string[] = []
    if (!this.#decode(block, start, end, fields)) return 'tooLarge'
    const head = parseRequestHead(fields)
    if (head === undefined) return 'malformed'
    if (version === this.#decoder.version && end - start <= rememberedMaxBytes) {
      const valid = this.#remembered.filter((one) => one.version === version)
      if (valid.length === rememberedMax) valid.shift()
      valid.push({ version, block: Buffer.from(block.subarray(start, end)), head })
      this.#remembered = valid
    }
    return head
  }

  /** Reads trailers, which only have to be well formed. @throws ConnectionError `compressionError` */
  trailers(block: Buffer, start: number, end: number): 'wellFormed' | 'malformed' | 'tooLarge' {
    const fields: string[] = []
    if (!this.#decode(block, start, end, fields)) return 'tooLarge'
    return areRegularFields(fields) ? 'wellFormed' : 'malformed'
  }

  #decode(block: Buffer, start: number, end: number, fields: string[]): boolean {
    try {
      return this.#decoder.decode(block, start, end, fields, this.#limits)
    } catch (error) {
      if (error instanceof HpackError) throw new ConnectionError(errorCode.compressionError, error.message)
      throw error
    }
  }
}

/** Compares a few bytes, which is faster than to call native code for it. */
function isEqual(known: Buffer, block: Buffer, start: number, end: number): boolean {
  const { length } = known
  if (length !== end - start) return false
  for (let i = 0; i < length; i++) if (known[i] !== block[start + i]) return false
  return true
}

/** Writes header blocks, and remembers those that it is asked for over and over. */
export class HeaderBlockWriter {
  readonly #encoder = new HpackEncoder()
  readonly #remembered = new Map<readonly string[], { readonly version: number; readonly block: Buffer }>()

  setTableMaxBytes(bytes: number): void {
    this.#encoder.setTableMaxBytes(bytes)
  }

  /** @param isConstant whether this very array will come again: then its block is kept while the table stands still */
  encode(fields: readonly string[], isConstant: boolean): Buffer {
    if (!isConstant) return this.#encoder.encode(fields)
    const known = this.#remembered.get(fields)
    const { version } = this.#encoder
    if (known?.version === version) return known.block
    const block = this.#encoder.encode(fields)
    if (version === this.#encoder.version) this.#remembered.set(fields, { version, block })
    return block
  }
}
