import { Buffer } from 'node:buffer'
import { invariant } from '@orrery/environment'
import {
  checksumBytes,
  operation,
  operationHeaderBytes,
  readMain,
  readSub,
  revisionKeyBytes,
  writeRevisionKey,
} from './layout.js'

const firstBytes = 64 * 1024
const nothing = new Uint8Array(0)

/** Whoever an operation log can be replayed into. */
export interface OperationSink {
  put(main: number, sub: number, tombstone: boolean, record: Uint8Array): void
  delete(main: number, sub: number, tombstone: boolean): void
  setMeta(name: string, value: Uint8Array | undefined): void
}

/**
 * Writes, encoded one behind the other in the form in which LMDB will take them: the worker neither copies
 * nor translates. An operation is its kind (1 byte), the lengths of key (1) and value (4), the key, the
 * value, and room for the value's checksum.
 */
export class OperationLog {
  #bytes: Buffer
  #length = 0

  /** @param memory of an earlier log, to be used again */
  constructor(memory: ArrayBuffer | undefined) {
    this.#bytes = Buffer.from(memory ?? new ArrayBuffer(firstBytes))
  }

  /** Bytes written. */
  get length(): number {
    return this.#length
  }

  /** Hands over the memory, with {@link OperationLog.length} bytes of operations. The log is unusable afterwards. */
  release(): ArrayBuffer {
    const { buffer } = this.#bytes
    invariant(buffer instanceof ArrayBuffer, 'an operation log owns its memory')
    return buffer
  }

  put(main: number, sub: number, tombstone: boolean, record: Uint8Array): void {
    const keyBytes = tombstone ? revisionKeyBytes + 1 : revisionKeyBytes
    const at = this.#append(operation.put, keyBytes, record)
    writeRevisionKey(this.#bytes, at, main, sub, tombstone)
  }

  delete(main: number, sub: number, tombstone: boolean): void {
    const keyBytes = tombstone ? revisionKeyBytes + 1 : revisionKeyBytes
    const at = this.#append(operation.delete, keyBytes, nothing)
    writeRevisionKey(this.#bytes, at, main, sub, tombstone)
  }

  setMeta(name: string, value: Uint8Array | undefined): void {
    const kind = value === undefined ? operation.removeMeta : operation.setMeta
    const at = this.#append(kind, 1 + name.length, value ?? nothing)
    this.#bytes.write(`n${name}`, at, 'latin1')
  }

  /** Repeats the operations from a position on. Records are copies. */
  replay(from: number, sink: OperationSink): void {
    const bytes = this.#bytes
    for (let at = from; at < this.#length; ) {
      const kind = bytes[at]
      const key = at + operationHeaderBytes
      const value = key + bytes.readUInt8(at + 1)
      const end = value + bytes.readUInt32LE(at + 2)
      const tombstone = value - key > revisionKeyBytes
      if (kind === operation.put || kind === operation.delete) {
        const main = readMain(bytes, key)
        const sub = readSub(bytes, key)
        if (kind === operation.put) sink.put(main, sub, tombstone, new Uint8Array(bytes.subarray(value, end)))
        else sink.delete(main, sub, tombstone)
      } else {
        const name = bytes.toString('latin1', key + 1, value)
        sink.setMeta(
          name,
          kind === operation.setMeta ? new Uint8Array(bytes.subarray(value, end)) : undefined,
        )
      }
      at = end + checksumBytes
    }
  }

  /** Forgets the operations from a position on. */
  truncate(length: number): void {
    this.#length = length
  }

  /** Appends header and value; returns where the key goes. */
  #append(kind: number, keyBytes: number, value: Uint8Array): number {
    const at = this.#length
    const key = at + operationHeaderBytes
    const end = key + keyBytes + value.length + checksumBytes
    if (end > this.#bytes.length) this.#grow(end)
    const bytes = this.#bytes
    bytes[at] = kind
    bytes[at + 1] = keyBytes
    bytes[at + 2] = value.length
    bytes[at + 3] = value.length >>> 8
    bytes[at + 4] = value.length >>> 16
    bytes[at + 5] = value.length >>> 24
    bytes.set(value, key + keyBytes)
    this.#length = end
    return key
  }

  #grow(needed: number): void {
    // Not filled with zeros: of several megabytes that is a pause, and all of it is written over.
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
