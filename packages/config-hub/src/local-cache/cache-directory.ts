import { randomUUID } from 'node:crypto'
import { lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode } from '@orrery/environment'
import { cacheFileMaxBytes, invalid, isCacheFileName } from './cache-file.ts'

/** What is known of a file of the directory without reading it. */
export interface DirectoryFile {
  readonly name: string
  readonly sizeBytes: number
  /** By the file system. Unit: ms since the epoch. */
  readonly changedAtMs: number
}

const temporary = /^[\da-f]{64}\.release\.[\da-z-]+\.tmp$/

/** The files of a cache: each is there as a whole or not at all, whenever the process ends, and whoever else uses the directory. */
export class CacheDirectory {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Creates it where it is not there, for nobody but this user. */
  async create(): Promise<void> {
    await mkdir(this.#path, { recursive: true, mode: 0o700 })
  }

  /**
   * Undefined: there is none.
   *
   * @throws ConfigError `CONFIG_CACHE_INVALID` when it is no file, or larger than any; what the file system throws
   */
  async read(name: string): Promise<Uint8Array | undefined> {
    const path = join(this.#path, name)
    try {
      const { size } = await this.#plainFile(name) // before it is opened, which a pipe would wait for
      const bytes = Buffer.alloc(size)
      const handle = await open(path, 'r')
      try {
        let length = 0
        while (length < size) {
          const { bytesRead } = await handle.read(bytes, length, size - length)
          if (bytesRead === 0) break
          length += bytesRead
        }
        return bytes.subarray(0, length)
      } finally {
        await handle.close()
      }
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
  }

  /**
   * Writes a file beside it, makes it durable and takes it for the other: a reader gets the one or the other. It is durable itself
   * after {@link CacheDirectory.sync}.
   */
  async write(name: string, bytes: Uint8Array): Promise<void> {
    // Unique among all who share the directory, whose seeds and process ids may be the same.
    const path = join(this.#path, `${name}.${randomUUID()}.tmp`)
    const handle = await open(path, 'wx', 0o600)
    try {
      try {
        await handle.writeFile(bytes)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(path, join(this.#path, name))
    } catch (error) {
      await rm(path, { force: true })
      throw error
    }
  }

  /** Makes names durable. Windows has no such call, and needs none. */
  async sync(): Promise<void> {
    if (process.platform === 'win32') return
    const handle = await open(this.#path, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  /** Removes a file, if there is one. */
  async remove(name: string): Promise<void> {
    await rm(join(this.#path, name), { force: true })
  }

  /** Its cache files, and what is left of writes that were not finished. Others are not looked at. */
  async list(): Promise<{
    readonly files: readonly DirectoryFile[]
    readonly leftovers: readonly DirectoryFile[]
  }> {
    const names = await readdir(this.#path).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return []
      throw error
    })
    const files: DirectoryFile[] = []
    const leftovers: DirectoryFile[] = []
    for (const name of names.toSorted()) {
      const list = isCacheFileName(name) ? files : temporary.test(name) ? leftovers : undefined
      if (list === undefined) continue
      const stats = await lstat(join(this.#path, name)).catch(() => undefined) // removed meanwhile
      if (stats !== undefined) list.push({ name, sizeBytes: stats.size, changedAtMs: stats.mtimeMs })
    }
    return { files, leftovers }
  }

  async #plainFile(name: string): Promise<{ readonly size: number }> {
    const stats = await lstat(join(this.#path, name))
    if (!stats.isFile()) invalid(name, 'is no file')
    if (stats.size > cacheFileMaxBytes) invalid(name, `has more than ${cacheFileMaxBytes} bytes`)
    return stats
  }
}
