/**
 * Looks at the files before LMDB does: lmdb-js 3.5.6 kills the process when opening an environment fails, and
 * LMDB does when it reads behind the end of its file. Plain JavaScript, because workers load it without a
 * compiler.
 */
import fs from 'node:fs'
import path from 'node:path'
import { FileError } from './file-error.js'

/** Names that LMDB gives its files. */
const dataName = 'data.mdb'
const lockName = 'lock.mdb'

// Source: struct MDB_page_header and MDB_meta in mdb.c, data format 2, 64 bits.
const metaBytes = 168
const offsetOf = {
  pageFlags: 18,
  magic: 24,
  version: 28,
  pageSize: 48,
  freeRoot: 88,
  mainRoot: 136,
  lastPage: 144,
}
const metaPageFlag = 0x08
const magic = 0xbeefc0de
const dataVersion = 2
/** In place of a root page: the tree is empty. */
const noPage = 2n ** 64n - 1n

/**
 * Removes files whose creation did not come to its end: after a loss of power, any part of them may be missing.
 *
 * @param {string} directory
 */
export function discardFiles(directory) {
  for (const name of [dataName, lockName]) fs.rmSync(path.join(directory, name), { force: true })
}

/**
 * @param {string} directory
 * @param {string} name
 */
function openIfExists(directory, name) {
  try {
    return fs.openSync(path.join(directory, name), 'r+')
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * @param {number} descriptor
 * @param {number} position
 * @returns {{ pageSize: number, lastPage: bigint, roots: bigint[] } | undefined} undefined: no LMDB header
 */
function readMeta(descriptor, position) {
  const bytes = Buffer.alloc(metaBytes)
  if (fs.readSync(descriptor, bytes, 0, metaBytes, position) < metaBytes) return undefined
  if ((bytes.readUInt16LE(offsetOf.pageFlags) & metaPageFlag) === 0) return undefined
  if (bytes.readUInt32LE(offsetOf.magic) !== magic) return undefined
  if ((bytes.readUInt32LE(offsetOf.version) & 0xffff) !== dataVersion) return undefined
  const pageSize = bytes.readUInt32LE(offsetOf.pageSize)
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) return undefined
  const lastPage = bytes.readBigUInt64LE(offsetOf.lastPage)
  const roots = [offsetOf.freeRoot, offsetOf.mainRoot].map((offset) => bytes.readBigUInt64LE(offset))
  return { pageSize, lastPage, roots }
}

/**
 * Checks what can be told from outside: access, both headers, and the length of the file.
 *
 * @param {string} directory
 * @param {boolean} wasClosed whether the last writer closed the files, and so left them at full length
 * @returns {boolean} whether there is a file with anything in it
 */
export function inspectFiles(directory, wasClosed) {
  const lock = openIfExists(directory, lockName)
  if (lock !== undefined) fs.closeSync(lock)
  const descriptor = openIfExists(directory, dataName)
  if (descriptor === undefined) return false
  try {
    const { size } = fs.fstatSync(descriptor)
    if (size === 0) return false
    const first = readMeta(descriptor, 0)
    const second = first === undefined ? undefined : readMeta(descriptor, first.pageSize)
    if (first === undefined || second === undefined) {
      throw new FileError('LMDB_DAMAGED', `${dataName} has no header of LMDB`)
    }
    for (const { pageSize, lastPage, roots } of [first, second]) {
      const pages = BigInt(Math.floor(size / pageSize))
      // LMDB does not write pages at the end that it allocated and freed again, unless it is closed by us.
      const isShort = wasClosed && lastPage >= pages
      if (isShort || roots.some((root) => root !== noPage && root >= pages)) {
        throw new FileError('LMDB_DAMAGED', `${dataName} ends early, after ${size} bytes`)
      }
    }
    return true
  } finally {
    fs.closeSync(descriptor)
  }
}

/**
 * Gives the file the length that its header tells of.
 *
 * @param {string} directory
 * @param {number} bytes
 */
export function extendFile(directory, bytes) {
  const descriptor = fs.openSync(path.join(directory, dataName), 'r+')
  try {
    if (fs.fstatSync(descriptor).size >= bytes) return
    fs.ftruncateSync(descriptor, bytes)
    fs.fsyncSync(descriptor)
  } finally {
    fs.closeSync(descriptor)
  }
}
