import { invariant } from '@orrery/environment'
import type { Disk } from './ports.ts'

const chunkBytes = 1024 * 1024

/**
 * A file, read through a window that moves forward. Views that it hands out stay valid: a new window is a
 * new buffer.
 */
export class FileWindow {
  readonly path: string
  /** Unit: bytes. */
  readonly size: number
  readonly #disk: Disk
  #start = 0
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array()

  constructor(disk: Disk, path: string, size: number) {
    this.#disk = disk
    this.path = path
    this.size = size
  }

  /** The bytes at `offset`: `length` of them, or fewer at the end of the file. */
  async at(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const wanted = Math.max(0, Math.min(length, this.size - offset))
    const held = this.#bytes.length - (offset - this.#start)
    if (offset < this.#start || held < wanted) {
      const [result] = await this.#disk.submit([
        { type: 'read', path: this.path, offset, length: Math.max(wanted, chunkBytes) },
      ])
      invariant(result?.type === 'read', 'a read answers with bytes')
      this.#start = offset
      this.#bytes = result.bytes
    }
    const from = offset - this.#start
    return this.#bytes.subarray(from, from + wanted)
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    await this.#disk.submit([{ type: 'close', path: this.path }])
  }
}
