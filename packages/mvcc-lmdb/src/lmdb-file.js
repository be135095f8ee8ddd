/**
 * The LMDB environment as its one writer sees it. Every call is synchronous; the caller is a worker that
 * does nothing else. Plain JavaScript, because workers load it without a compiler.
 */
import fs from 'node:fs'
import path from 'node:path'
import { open } from 'lmdb'
import { FileError } from './file-error.js'
import {
  checksumBytes,
  creationMarkerName,
  databaseNames,
  databaseOptions,
  environmentOptions,
  format,
  isIntact,
  openMarkerName,
  operation,
  operationHeaderBytes,
  reserved,
  writeChecksum,
} from './layout.js'
import { discardFiles, extendFile, inspectFiles } from './lmdb-header.js'

/**
 * What lmdb-js does, where its own types say otherwise: within a transaction, a write tells at once whether
 * its condition held.
 * @typedef {Omit<import('lmdb').Database<Buffer, Buffer>, 'putSync' | 'removeSync'> & {
 *   putSync(key: Buffer, value: Buffer, options?: { append?: true, noOverwrite?: true }): boolean,
 *   removeSync(key: Buffer): boolean,
 * }} Database
 */
/** @typedef {import('lmdb').RootDatabase<Buffer, Buffer>} Environment */
/** @typedef {{ sizeBytes: number, sizeInUseBytes: number }} Sizes */
/** @typedef {{ pageSize: number, treeBranchPageCount: number, treeLeafPageCount: number, overflowPages: number, entryCount: number }} TreeStats */
/** @typedef {TreeStats & { root: TreeStats, free: TreeStats, lastPageNumber: number, lastTxnId: number }} Stats */

/** Room that a batch may need beyond its own bytes: the branch pages above them, LMDB's free list. */
const reserveBytes = 512 * 1024

/** @param {string} directory */
function syncDirectory(directory) {
  const descriptor = fs.openSync(directory, 'r')
  try {
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}

/**
 * @param {Database} database
 * @returns {Stats}
 */
function statsOf(database) {
  return /** @type {Stats} */ (database.getStats())
}

/** @param {TreeStats} stats */
function pagesOf(stats) {
  return stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
}

/** One environment, open for writing. */
export class LmdbFile {
  #directory
  #mapMaxBytes
  /** @type {Environment} */
  #environment
  /** @type {Database} */
  #revisions
  /** @type {Database} */
  #meta
  #lastTransaction = 0
  #revisionCount = 0
  #sizes = { sizeBytes: 0, sizeInUseBytes: 0 }
  durableIndex = 0

  /**
   * Opens the environment, or creates it in a directory that exists.
   *
   * @param {string} directory
   * @param {number} mapMaxBytes
   */
  constructor(directory, mapMaxBytes) {
    this.#directory = directory
    this.#mapMaxBytes = mapMaxBytes
    if (fs.existsSync(path.join(directory, creationMarkerName))) discardFiles(directory)
    const exists = inspectFiles(directory, !fs.existsSync(path.join(directory, openMarkerName)))
    if (!exists) {
      this.#checkDisk(reserveBytes)
      this.#mark(creationMarkerName)
      syncDirectory(directory)
    }
    this.#mark(openMarkerName)
    this.#environment = /** @type {Environment} */ (open(environmentOptions(directory, mapMaxBytes, false)))
    const names = [...this.#environment.getKeys()].map((key) => key.toString('latin1'))
    const ours = /** @type {string[]} */ (Object.values(databaseNames))
    if (names.some((name) => !ours.includes(name.replace('\0', '')))) throw this.#foreign()
    this.#revisions = /** @type {Database} */ (
      this.#environment.openDB(databaseNames.revisions, databaseOptions)
    )
    this.#meta = /** @type {Database} */ (this.#environment.openDB(databaseNames.meta, databaseOptions))
    this.#checkFormat()
    this.durableIndex = this.#readIndex()
    this.#observe()
    // LMDB creates its files without syncing the directory that names them.
    syncDirectory(directory)
    syncDirectory(path.dirname(directory))
    if (!exists) this.#unmark(creationMarkerName)
  }

  /** What the file occupies, as of the last commit. */
  get sizes() {
    return this.#sizes
  }

  /**
   * Applies one batch in one transaction and syncs it.
   *
   * @param {Buffer} log encoded operations; values get their checksums here
   * @param {number} operations their number
   * @param {number} index of the log entry that they end with
   */
  commit(log, operations, index) {
    this.#checkRoom(log.length, operations)
    const value = Buffer.alloc(8 + checksumBytes)
    // A transaction's callback that returned a thenable, as put does, would commit later than it says.
    this.#environment.transactionSync(() => {
      const transaction = this.#environment.getWriteTxnId()
      if (transaction !== this.#lastTransaction + 1) {
        throw new FileError('LMDB_INCONSISTENT', 'somebody else has written to these files')
      }
      const count = this.#revisionCount + this.#apply(log)
      value.writeBigUInt64BE(BigInt(index))
      this.#putMeta(reserved.index, value)
      // lmdb-js does not report every error of a single write; a lost one shows here.
      if (statsOf(this.#revisions).entryCount !== count) {
        throw new FileError('LMDB_WRITE_FAILED', 'a write had no effect')
      }
    })
    this.durableIndex = index
    this.#observe()
  }

  /**
   * @param {boolean} clean whether everything that was asked for has been written
   */
  async close(clean) {
    await this.#environment.close()
    if (!clean) return
    extendFile(this.#directory, this.#sizes.sizeBytes)
    this.#unmark(openMarkerName)
  }

  /**
   * @param {Buffer} log
   * @returns {number} by how many revisions there are more
   */
  #apply(log) {
    let grown = 0
    for (let at = 0; at < log.length; ) {
      const kind = log[at]
      const keyStart = at + operationHeaderBytes
      const valueStart = keyStart + log.readUInt8(at + 1)
      const valueEnd = valueStart + log.readUInt32LE(at + 2)
      const key = log.subarray(keyStart, valueStart)
      at = valueEnd + checksumBytes
      switch (kind) {
        case operation.put:
          writeChecksum(log, keyStart, valueEnd)
          this.#put(key, log.subarray(valueStart, at))
          grown++
          break
        case operation.delete:
          if (!this.#revisions.removeSync(key)) {
            throw new FileError('LMDB_INCONSISTENT', `revision ${key.toString('hex')} does not exist`)
          }
          grown--
          break
        case operation.setMeta:
          writeChecksum(log, keyStart, valueEnd)
          this.#meta.putSync(key, log.subarray(valueStart, at))
          break
        case operation.removeMeta:
          this.#meta.removeSync(key)
          break
        default:
          throw new FileError('LMDB_INCONSISTENT', `unknown operation ${String(kind)}`)
      }
    }
    return grown
  }

  /**
   * Revisions nearly always ascend: appending skips the search, and packs pages full. LMDB refuses it when
   * the key is not the greatest.
   *
   * @param {Buffer} key
   * @param {Buffer} value
   */
  #put(key, value) {
    if (this.#revisions.putSync(key, value, { append: true })) return
    if (this.#revisions.putSync(key, value, { noOverwrite: true })) return
    throw new FileError('LMDB_INCONSISTENT', `revision ${key.toString('hex')} exists already`)
  }

  /**
   * @param {string} name one of our own
   * @param {Buffer} value with room for its checksum at the end
   */
  #putMeta(name, value) {
    const bytes = Buffer.concat([Buffer.from(name, 'latin1'), value])
    writeChecksum(bytes, 0, bytes.length - checksumBytes)
    this.#meta.putSync(bytes.subarray(0, name.length), bytes.subarray(name.length))
  }

  /**
   * Refuses a batch that may not fit, before LMDB sees it. A write that hits the end of the disk half-way has
   * been seen to abort the process inside lmdb-js, and a map that is outgrown would be moved while others
   * read from it.
   *
   * @param {number} bytes
   * @param {number} operations
   */
  #checkRoom(bytes, operations) {
    const { sizeBytes, sizeInUseBytes } = this.#sizes
    const needed = bytes + Math.min(bytes / 4, operations * 64) + reserveBytes
    if (sizeBytes + needed > this.#mapMaxBytes) {
      throw new FileError('LMDB_MAP_FULL', `the file would outgrow ${this.#mapMaxBytes} bytes`)
    }
    // Pages that are free within the file take some of it.
    const fromDisk = Math.max(reserveBytes, needed - (sizeBytes - sizeInUseBytes) / 2)
    this.#checkDisk(Math.ceil(fromDisk))
  }

  /** @param {number} wanted */
  #checkDisk(wanted) {
    const { bavail, bsize } = fs.statfsSync(this.#directory)
    if (bavail * bsize < wanted) {
      throw new FileError('LMDB_DISK_FULL', `${bavail * bsize} bytes left, ${wanted} wanted`)
    }
  }

  /** @param {string} name */
  #mark(name) {
    const descriptor = fs.openSync(path.join(this.#directory, name), 'w', 0o600)
    try {
      fs.fsyncSync(descriptor)
    } finally {
      fs.closeSync(descriptor)
    }
  }

  /** @param {string} name */
  #unmark(name) {
    fs.rmSync(path.join(this.#directory, name))
    syncDirectory(this.#directory)
  }

  #checkFormat() {
    const stored = this.#meta.getBinary(Buffer.from(reserved.format, 'latin1'))
    if (stored === undefined) {
      const isNew = statsOf(this.#meta).entryCount === 0 && statsOf(this.#revisions).entryCount === 0
      if (!isNew) throw this.#foreign()
      const value = Buffer.concat([Buffer.from(format, 'latin1'), Buffer.alloc(checksumBytes)])
      this.#environment.transactionSync(() => {
        this.#putMeta(reserved.format, value)
      })
    } else if (stored.toString('latin1', 0, stored.length - checksumBytes) !== format) {
      throw this.#foreign()
    }
  }

  #readIndex() {
    const key = Buffer.from(reserved.index, 'latin1')
    const stored = this.#meta.getBinary(key)
    if (stored === undefined) return 0
    if (!isIntact(key, stored)) throw new FileError('LMDB_DAMAGED', 'the index has a wrong checksum')
    return Number(stored.readBigUInt64BE())
  }

  #foreign() {
    return new FileError('LMDB_DAMAGED', `the files are not of format "${format}"`)
  }

  #observe() {
    this.#environment.resetReadTxn()
    const stats = statsOf(this.#revisions)
    const metaStats = statsOf(this.#meta)
    this.#lastTransaction = stats.lastTxnId
    this.#revisionCount = stats.entryCount
    // The two pages at the start of the file hold LMDB's own header.
    const pages = 2 + pagesOf(stats) + pagesOf(metaStats) + pagesOf(stats.root) + pagesOf(stats.free)
    this.#sizes = {
      sizeBytes: (stats.lastPageNumber + 1) * stats.pageSize,
      sizeInUseBytes: pages * stats.pageSize,
    }
    // A read transaction that stays open would keep freed pages from being used again.
    this.#environment.resetReadTxn()
  }
}
