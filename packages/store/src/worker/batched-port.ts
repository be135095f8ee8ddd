import type { MessagePort } from 'node:worker_threads'
import { FieldReader } from '../field-reader.ts'
import { FieldWriter } from '../field-writer.ts'

/** A message between the threads: items one after the other, each a kind and its fields. */
interface Batch {
  readonly bytes: Uint8Array
  /** What the items of the batch have beside their fields, in the order of the items. */
  readonly values: readonly unknown[]
}

/** Items beyond so much do not wait for the end of the turn. Unit: bytes. */
const batchMaxBytes = 1_048_576

/**
 * One end of the way between two threads. Whatever a turn of the event loop has to say goes in one message, and
 * its bytes change hands without being copied once more: a message costs as much as several small items.
 */
export class BatchedPort {
  readonly #port: MessagePort
  readonly #beforePost: () => void
  #fields = new FieldWriter()
  #values: unknown[] = []
  #posting: NodeJS.Immediate | undefined

  /** @param beforePost runs before each message; what it adds goes along */
  constructor(port: MessagePort, beforePost: () => void = () => {}) {
    this.#port = port
    this.#beforePost = beforePost
  }

  /** Begins to receive. The reader is valid until `receive` returns; what it gave is the receiver's. */
  listen(receive: (batch: BatchReader) => void): void {
    this.#port.on('message', (batch: Batch) => receive(new BatchReader(batch)))
  }

  /** Begins an item. Its fields follow at once, and then its values. */
  item(kind: number): FieldWriter {
    if (this.#posting === undefined) this.#posting = setImmediate(() => this.post())
    else if (this.#fields.length > batchMaxBytes) this.#flush()
    this.#fields.byte(kind)
    return this.#fields
  }

  /** Adds to the item that was begun last something that structured cloning takes. */
  value(value: unknown): void {
    this.#values.push(value)
  }

  /** Sends what there is, without waiting for the end of the turn. */
  post(): void {
    this.#beforePost()
    if (this.#posting === undefined) return
    clearImmediate(this.#posting)
    this.#posting = undefined
    this.#send()
  }

  close(): void {
    clearImmediate(this.#posting)
    this.#port.close()
  }

  #flush(): void {
    this.#beforePost()
    this.#send()
  }

  #send(): void {
    const bytes = new Uint8Array(this.#fields.finish())
    const values = this.#values
    this.#values = []
    // A large item must not cost its memory for ever.
    if (bytes.length > batchMaxBytes) this.#fields = new FieldWriter()
    this.#fields.start()
    this.#port.postMessage({ bytes, values } satisfies Batch, [bytes.buffer])
  }
}

/** Reads a message item by item. */
export class BatchReader extends FieldReader {
  readonly #values: readonly unknown[]
  #next = 0

  constructor({ bytes, values }: Batch) {
    super(bytes)
    this.#values = values
  }

  /** The next value. The other end is of the same version: it is what that end put there. */
  value(): unknown {
    return this.#values[this.#next++]
  }
}
