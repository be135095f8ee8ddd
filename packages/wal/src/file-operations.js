/**
 * Disk operations as synchronous calls of the file system. Plain JavaScript, because a worker thread loads
 * it without any loader, from the sources as well as from a build.
 */
import { constants } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createFileLock } from './file-lock.js'

/** @import { DiskOperation, DiskResult } from './ports.ts' */
/** @typedef {Pick<typeof import('node:fs'), 'openSync' | 'closeSync' | 'readSync' | 'writeSync' | 'fdatasyncSync' | 'fsyncSync' | 'ftruncateSync' | 'renameSync' | 'unlinkSync' | 'readdirSync' | 'lstatSync' | 'mkdirSync'>} FileSystem */

/** @type {DiskResult} */
const done = { type: 'done' }
const zeros = new Uint8Array(256 * 1024)
const openFlags = constants.O_RDWR | constants.O_NOFOLLOW

/**
 * Creates the function that performs one operation, and the one that closes everything.
 *
 * @param {FileSystem} fs
 */
export function createFileOperations(fs) {
  /** @type {Map<string, number>} */
  const descriptors = new Map()
  /** @type {Map<string, { release(): void }>} */
  const locks = new Map()

  /**
   * @param {string} path
   * @param {number} flags
   */
  const descriptorOf = (path, flags = openFlags) => {
    const held = descriptors.get(path)
    if (held !== undefined) return held
    // Logs hold what their host's users wrote: nobody else has to read them.
    const descriptor = fs.openSync(path, flags, 0o600)
    descriptors.set(path, descriptor)
    return descriptor
  }

  /** @param {string} path */
  const forget = (path) => {
    const held = descriptors.get(path)
    if (held === undefined) return
    descriptors.delete(path)
    fs.closeSync(held)
  }

  /**
   * @param {number} descriptor
   * @param {Uint8Array} bytes
   * @param {number} offset
   */
  const writeAll = (descriptor, bytes, offset) => {
    let written = 0
    while (written < bytes.length) {
      const count = fs.writeSync(descriptor, bytes, written, bytes.length - written, offset + written)
      if (count <= 0) throw Object.assign(new Error('the file takes no more bytes'), { code: 'EIO' })
      written += count
    }
  }

  /**
   * @param {string} path
   * @param {number} offset
   * @param {number} length
   * @returns {DiskResult}
   */
  const read = (path, offset, length) => {
    const descriptor = descriptorOf(path)
    const bytes = new Uint8Array(length)
    let count = 0
    while (count < length) {
      const more = fs.readSync(descriptor, bytes, count, length - count, offset + count)
      if (more === 0) break
      count += more
    }
    return { type: 'read', bytes: bytes.subarray(0, count) }
  }

  /** @param {string} path */
  const syncDirectory = (path) => {
    const descriptor = fs.openSync(path, constants.O_RDONLY)
    try {
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
  }

  /** @param {string} path */
  const makeDirectory = (path) => {
    const first = fs.mkdirSync(path, { recursive: true, mode: 0o700 })
    if (first === undefined) return
    // Every directory that was made is a new name in the one above it.
    for (let made = path; ; made = dirname(made)) {
      syncDirectory(dirname(made))
      if (made === first || made === dirname(made) || basename(made) === '') break
    }
  }

  /**
   * @param {string} path
   * @returns {DiskResult}
   */
  const list = (path) => {
    const entries = fs.readdirSync(path).map((name) => {
      const stat = fs.lstatSync(join(path, name))
      /** @type {'file' | 'other'} */
      const type = stat.isFile() ? 'file' : 'other'
      return { name, type, size: type === 'file' ? stat.size : 0 }
    })
    return { type: 'list', entries }
  }

  /**
   * @param {DiskOperation} operation
   * @returns {DiskResult}
   */
  const perform = (operation) => {
    switch (operation.type) {
      case 'write': {
        writeAll(descriptorOf(operation.path), operation.bytes, operation.offset)
        return { type: 'write', buffer: operation.bytes.buffer }
      }
      case 'fill': {
        const descriptor = descriptorOf(operation.path)
        for (let at = 0; at < operation.length; at += zeros.length) {
          writeAll(descriptor, zeros.subarray(0, operation.length - at), operation.offset + at)
        }
        return done
      }
      case 'sync':
        fs.fdatasyncSync(descriptorOf(operation.path))
        return done
      case 'read':
        return read(operation.path, operation.offset, operation.length)
      case 'open':
        descriptorOf(operation.path, openFlags | constants.O_CREAT)
        return done
      case 'close':
        forget(operation.path)
        return done
      case 'truncate':
        fs.ftruncateSync(descriptorOf(operation.path), operation.length)
        return done
      case 'rename': {
        fs.renameSync(operation.from, operation.to)
        forget(operation.to)
        const descriptor = descriptors.get(operation.from)
        descriptors.delete(operation.from)
        if (descriptor !== undefined) descriptors.set(operation.to, descriptor)
        return done
      }
      case 'unlink':
        forget(operation.path)
        try {
          fs.unlinkSync(operation.path)
        } catch (error) {
          if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error
        }
        return done
      case 'list':
        return list(operation.path)
      case 'makeDirectory':
        makeDirectory(operation.path)
        return done
      case 'syncDirectory':
        syncDirectory(operation.path)
        return done
      case 'lock':
        locks.set(operation.path, createFileLock(operation.path))
        return done
      case 'unlock':
        locks.get(operation.path)?.release()
        locks.delete(operation.path)
        return done
    }
  }

  const close = () => {
    for (const path of [...descriptors.keys()]) forget(path)
    for (const lock of locks.values()) lock.release()
    locks.clear()
  }

  return { perform, close }
}
