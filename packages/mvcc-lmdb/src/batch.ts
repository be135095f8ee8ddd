import { OperationLog } from './operation-log.ts'
import { Overlay } from './overlay.ts'

/** Writes that become durable together: encoded for the worker, and readable until they can be read there. */
export class Batch {
  readonly log: OperationLog
  readonly overlay = new Overlay()
  operations = 0
  /** Number of the last seal within. 0: nothing is sealed. */
  seal = 0
  /** Index of the last seal. */
  index = 0
  /** Extent of the log, and of `operations`, at the last seal. */
  sealedLength = 0
  sealedOperations = 0

  /** @param memory of an earlier batch's log */
  constructor(memory?: ArrayBuffer) {
    this.log = new OperationLog(memory)
  }

  get hasUnsealed(): boolean {
    return this.operations > this.sealedOperations
  }

  put(main: number, sub: number, tombstone: boolean, record: Uint8Array): void {
    this.log.put(main, sub, tombstone, record)
    this.overlay.put(main, sub, tombstone, record)
    this.operations++
  }

  delete(main: number, sub: number, tombstone: boolean): void {
    this.log.delete(main, sub, tombstone)
    this.overlay.delete(main, sub)
    this.operations++
  }

  setMeta(name: string, value: Uint8Array | undefined): void {
    this.log.setMeta(name, value)
    this.overlay.meta.set(name, value)
    this.operations++
  }

  markSealed(seal: number, index: number): void {
    this.seal = seal
    this.index = index
    this.sealedLength = this.log.length
    this.sealedOperations = this.operations
  }

  /**
   * Moves what follows the last seal into the next batch. This overlay keeps it too, which harms nobody: the
   * next batch is asked first, and lives longer.
   */
  moveUnsealed(next: Batch): void {
    if (!this.hasUnsealed) return
    this.log.replay(this.sealedLength, next)
    this.log.truncate(this.sealedLength)
    this.operations = this.sealedOperations
  }
}
