import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Random } from '@orrery/environment'
import { createSimulatedDisk, type SimulatedDisk, type Survival } from '@orrery/wal/testing'
import type { RecordedEvent } from './recording.ts'

type FileEvent = Exclude<RecordedEvent, { readonly type: 'report' }>

/**
 * A disk that goes through what a process did to its files, and that can lose power at any time.
 *
 * What a sync covered survives. Of later writes, any sectors of 512 bytes do; of names that were made, changed
 * or removed since their directory was synced, any.
 */
export class RecordedDisk {
  readonly #disk: SimulatedDisk = createSimulatedDisk()
  readonly #directories = new Set<string>()
  /** Of them, those whose name is not durable. */
  readonly #unsynced = new Set<string>()
  readonly #root: string
  /** Files with a change since their last sync. */
  readonly #dirty = new Set<string>()

  /** @param directory the one that is recorded; the one that it is in exists */
  constructor(directory: string) {
    this.#root = dirname(directory)
  }

  async apply(event: FileEvent): Promise<void> {
    switch (event.type) {
      case 'makeDirectory':
        this.#directories.add(event.path)
        this.#unsynced.add(event.path)
        await this.#disk.submit([event])
        return
      case 'sync':
        await this.#sync(event.path)
        return
      case 'write': {
        const { path, offset, synced } = event
        // A file's sync covers all of it, that of one write only itself: here both are the same.
        if (synced && this.#dirty.has(path)) throw new Error(`${path}: a synced write follows others`)
        await this.#disk.submit([{ type: 'write', path, offset, bytes: new Uint8Array(event.bytes) }])
        if (synced) await this.#disk.submit([{ type: 'sync', path }])
        else this.#dirty.add(path)
        return
      }
      case 'truncate':
        this.#dirty.add(event.path)
        await this.#disk.submit([event])
        return
      case 'rename':
        if (this.#dirty.delete(event.from)) this.#dirty.add(event.to)
        await this.#disk.submit([event])
        return
      default:
        await this.#disk.submit([event])
    }
  }

  /** What the process sees: content by path. */
  files(): ReadonlyMap<string, Uint8Array> {
    return this.#disk.files()
  }

  /** Loses power, and writes what is found afterwards below `target`, by the same names. */
  async lose(survival: Survival, random: Random, target: string): Promise<void> {
    const lost = [...this.#unsynced].filter(() => !survives(survival, random))
    const isLost = (path: string): boolean =>
      lost.some((name) => path === name || path.startsWith(`${name}/`))
    const nameIn = (path: string): string => target + path.slice(this.#root.length)
    await mkdir(target, { recursive: true })
    for (const path of this.#directories) if (!isLost(path)) await mkdir(nameIn(path))
    for (const [path, bytes] of this.#disk.share().crash(survival).files()) {
      if (!isLost(path)) await writeFile(nameIn(path), bytes)
    }
  }

  async #sync(path: string): Promise<void> {
    if (path === this.#root || this.#directories.has(path)) {
      if (path !== this.#root) await this.#disk.submit([{ type: 'syncDirectory', path }])
      for (const name of this.#unsynced) if (dirname(name) === path) this.#unsynced.delete(name)
      return
    }
    this.#dirty.delete(path)
    await this.#disk.submit([{ type: 'sync', path }])
  }
}

function survives(survival: Survival, random: Random): boolean {
  return survival.type === 'random' ? random.below(2) === 0 : survival.type !== 'nothing'
}
