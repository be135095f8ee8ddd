import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasCode } from '@orrery/environment'
import { mountSmallDisk, type SmallDisk } from '../../crash/small-disk.ts'

/** Large enough for a run, and full within moments. Unit: MiB. */
const smallDiskMebibytes = 384
/** The machine that has its disk to itself. */
export const smallMachine = 'm3'

/** Where the members' data is: on the disk of this machine, and for one of them on a small disk of its own. */
export class Disks implements AsyncDisposable {
  readonly #root: string
  readonly #small: SmallDisk

  private constructor(root: string, small: SmallDisk) {
    this.#root = root
    this.#small = small
  }

  static async create(): Promise<Disks> {
    const small = await mountSmallDisk(smallDiskMebibytes)
    return new Disks(await mkdtemp(join(tmpdir(), 'orrery-torture-')), small)
  }

  directoryOf(name: string): string {
    return join(name === smallMachine ? this.#small.path : this.#root, name)
  }

  /** Leaves no room on the small disk. */
  async fill(): Promise<void> {
    for (const bytes of [1_048_576, 4_096, 1]) {
      try {
        for (;;) await appendFile(this.#filler, Buffer.alloc(bytes, 'x'))
      } catch (error) {
        if (!hasCode(error, 'ENOSPC')) throw error
      }
    }
  }

  async free(): Promise<void> {
    await rm(this.#filler, { force: true })
  }

  get #filler(): string {
    return join(this.#small.path, 'filler')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#small[Symbol.asyncDispose]()
    await rm(this.#root, { recursive: true, force: true })
  }
}
