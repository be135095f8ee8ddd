import { invariant } from '@orrery/environment'
import { WalError } from '../errors.ts'
import type { Disk, DiskOperation, DiskResult } from '../ports.ts'
import { SimulatedFile } from './simulated-file.ts'
import { SimulatedVolume, directoryOf } from './simulated-volume.ts'
import { type Survival, choices } from './survival.ts'

/** What goes wrong with one operation. */
export type DiskFault =
  /** Nothing happens. A `sync` that fails loses what it should have written, but readers still see it. */
  | { readonly type: 'error'; readonly errno: string }
  /** A `write` or `fill` stores only its first bytes and then fails with `ENOSPC`. */
  | { readonly type: 'shortWrite'; readonly bytes: number }
  /** The process is gone before the operation: it and all later ones never happen. */
  | { readonly type: 'crash' }

/** How a simulated disk behaves. */
export interface SimulatedDiskOptions {
  /** Asked before each operation; `count` is its number on this disk, from 1. */
  readonly fault?: (operation: DiskOperation, count: number) => DiskFault | undefined
  /**
   * Runs a batch later. A simulation passes the timer of its clock, for a disk that takes time.
   *
   * @defaultValue `queueMicrotask`
   */
  readonly schedule?: (run: () => void) => void
}

/** How often something was done. */
export interface DiskCounts {
  readonly writes: number
  readonly syncs: number
  readonly directorySyncs: number
}

/** A disk in memory that can be crashed, filled and damaged. */
export interface SimulatedDisk extends Disk {
  /** What was done so far. */
  readonly counts: DiskCounts
  /** What a reader sees: content by path. Copies. */
  files(): ReadonlyMap<string, Uint8Array>
  /** Changes bits on the medium. */
  flipBits(path: string, offset: number, mask: number): void
  /** A second process on the same disk. It sees the same files and respects the same locks. */
  share(options?: SimulatedDiskOptions): SimulatedDisk
  /** Ends this process without a loss of power; returns the disk of the next one. */
  kill(options?: SimulatedDiskOptions): SimulatedDisk
  /**
   * Ends this process by a loss of power; returns the disk that is found afterwards. May be called several
   * times, for different outcomes of one crash.
   */
  crash(survival: Survival, options?: SimulatedDiskOptions): SimulatedDisk
}

/** Creates an empty disk in memory. */
export function createSimulatedDisk(options: SimulatedDiskOptions = {}): SimulatedDisk {
  return new MemoryDisk(new SimulatedVolume(), options)
}

class MemoryDisk implements SimulatedDisk {
  readonly #volume: SimulatedVolume
  readonly #options: SimulatedDiskOptions
  #operations = 0
  #writes = 0
  #syncs = 0
  #directorySyncs = 0
  #closed: Promise<void> | undefined
  #state: 'open' | 'closed' | 'dead' = 'open'

  constructor(volume: SimulatedVolume, options: SimulatedDiskOptions) {
    this.#volume = volume
    this.#options = options
  }

  get counts(): DiskCounts {
    return { writes: this.#writes, syncs: this.#syncs, directorySyncs: this.#directorySyncs }
  }

  submit(operations: readonly DiskOperation[]): Promise<readonly DiskResult[]> {
    if (this.#state !== 'open' || this.#closed !== undefined) {
      return Promise.reject(
        new WalError('WAL_DISK_FAILED', 'the disk is closed', { details: { errno: 'EBADF' } }),
      )
    }
    // As with a thread: what was submitted is out of reach for the one who did.
    const taken = operations.map((operation) =>
      operation.type === 'write' ? { ...operation, bytes: transfer(operation.bytes) } : operation,
    )
    return new Promise((resolve, reject) => {
      const schedule = this.#options.schedule ?? queueMicrotask
      schedule(() => {
        const results: DiskResult[] = []
        for (const [i, operation] of taken.entries()) {
          try {
            results.push(this.#performOrFail(operation))
          } catch (error) {
            invariant(error instanceof Failure, 'a simulated operation fails with a code')
            const code = error.errno === 'EWOULDBLOCK' ? 'WAL_LOCKED' : 'WAL_DISK_FAILED'
            reject(new WalError(code, error.message, { details: { errno: error.errno, operation: i } }))
            return
          }
        }
        resolve(results)
      })
    })
  }

  close(): Promise<void> {
    return (this.#closed ??= this.submit([]).then(
      () => this.#end('closed'),
      () => {},
    ))
  }

  files(): ReadonlyMap<string, Uint8Array> {
    return new Map([...this.#volume.names].map(([path, file]) => [path, file.read()]))
  }

  flipBits(path: string, offset: number, mask: number): void {
    this.#file(path).flipBits(offset, mask)
  }

  share(options: SimulatedDiskOptions = {}): SimulatedDisk {
    return new MemoryDisk(this.#volume, options)
  }

  kill(options: SimulatedDiskOptions = {}): SimulatedDisk {
    this.#end('dead')
    return new MemoryDisk(
      this.#volume.copy(
        (file) => file.afterKill(),
        () => true,
        true,
      ),
      options,
    )
  }

  crash(survival: Survival, options: SimulatedDiskOptions = {}): SimulatedDisk {
    this.#end('dead')
    const { pieces, names } = choices(survival)
    return new MemoryDisk(
      this.#volume.copy((file) => file.afterPowerLoss(pieces), names, false),
      options,
    )
  }

  #end(state: 'closed' | 'dead'): void {
    this.#state = state
    for (const [path, holder] of this.#volume.locks) if (holder === this) this.#volume.locks.delete(path)
  }

  #performOrFail(operation: DiskOperation): DiskResult {
    if (this.#state !== 'open') throw new Failure('EBADF', 'the process is gone')
    const fault = this.#options.fault?.(operation, ++this.#operations)
    if (fault === undefined) return this.#perform(operation)
    if (fault.type === 'crash') {
      this.#end('dead')
      throw new Failure('EBADF', 'the process is gone')
    }
    if (fault.type === 'shortWrite') {
      if (operation.type === 'write') {
        this.#write(operation.path, operation.offset, operation.bytes.subarray(0, fault.bytes))
      }
      throw new Failure('ENOSPC', `no space for ${operation.type}`)
    }
    if (operation.type === 'sync') this.#file(operation.path).failSync()
    throw new Failure(fault.errno, `injected into ${operation.type}`)
  }

  #perform(operation: DiskOperation): DiskResult {
    const volume = this.#volume
    switch (operation.type) {
      case 'makeDirectory':
        for (let path = operation.path; !volume.directories.has(path); path = directoryOf(path)) {
          volume.directories.add(path)
        }
        return done
      case 'list':
        return { type: 'list', entries: this.#list(operation.path) }
      case 'open':
        if (!volume.names.has(operation.path)) {
          this.#requireDirectory(directoryOf(operation.path))
          volume.changeName({ path: operation.path, file: new SimulatedFile() })
        }
        return done
      case 'write':
        this.#write(operation.path, operation.offset, operation.bytes)
        return { type: 'write', buffer: operation.bytes.buffer }
      case 'fill':
        this.#writes++
        this.#file(operation.path).change(operation)
        return done
      case 'sync':
        this.#syncs++
        this.#file(operation.path).sync()
        return done
      case 'read': {
        const { path, offset, length } = operation
        return { type: 'read', bytes: this.#file(path).read(offset, length) }
      }
      case 'truncate':
        this.#file(operation.path).change({ type: 'resize', length: operation.length })
        return done
      case 'rename':
        volume.changeName({ path: operation.to, file: this.#file(operation.from), from: operation.from })
        return done
      case 'unlink':
        if (volume.names.has(operation.path)) volume.changeName({ path: operation.path, file: undefined })
        return done
      case 'syncDirectory':
        this.#directorySyncs++
        this.#requireDirectory(operation.path)
        volume.syncDirectory(operation.path)
        return done
      case 'close':
        return done
      case 'lock':
        if (volume.locks.has(operation.path)) {
          throw new Failure('EWOULDBLOCK', `${operation.path} is held`)
        }
        volume.locks.set(operation.path, this)
        return done
      case 'unlock':
        if (volume.locks.get(operation.path) === this) volume.locks.delete(operation.path)
        return done
    }
  }

  #write(path: string, offset: number, bytes: Uint8Array): void {
    this.#writes++
    this.#file(path).change({ type: 'write', offset, bytes: bytes.slice() })
  }

  #list(directory: string): { name: string; type: 'file'; size: number }[] {
    this.#requireDirectory(directory)
    return [...this.#volume.names]
      .filter(([path]) => directoryOf(path) === directory)
      .map(([path, file]) => ({
        name: path.slice(path.lastIndexOf('/') + 1),
        type: 'file',
        size: file.length,
      }))
  }

  #requireDirectory(path: string): void {
    if (!this.#volume.directories.has(path)) throw new Failure('ENOENT', `there is no directory ${path}`)
  }

  #file(path: string): SimulatedFile {
    const file = this.#volume.names.get(path)
    if (file === undefined) throw new Failure('ENOENT', `there is no file ${path}`)
    return file
  }
}

const done: DiskResult = { type: 'done' }

/** An operation that fails, with the code of an operating system. */
class Failure extends Error {
  readonly errno: string

  constructor(errno: string, message: string) {
    super(`${errno}: ${message}`)
    this.errno = errno
  }
}

function transfer(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const { byteOffset, byteLength } = bytes
  const buffer = structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
  return new Uint8Array(buffer, byteOffset, byteLength)
}
