/**
 * What lies where: the LMDB environment's settings, its keys, the checksums, and the operations that travel
 * to the worker. Plain JavaScript, because workers and child processes load it without a compiler.
 */
import { crc32 } from 'node:zlib'

/** Bytes of a revision's key: main, `_`, sub. A tombstone's key is one byte longer. */
export const revisionKeyBytes = 17
/** Bytes of the checksum behind every stored value. */
export const checksumBytes = 4
/**
 * Largest record. lmdb-js copies values below 16 MiB out of the map; it would hand out larger ones as views
 * of the map itself, which are not safe to keep.
 */
export const recordMaxBytes = 16 * 1024 * 1024 - 64
/** What the file says it is. */
export const format = 'orrery-mvcc-lmdb 1'
/** Exists while the environment is open for writing: found at open, it tells of an unclean shutdown. */
export const openMarkerName = 'open'
/** Exists until new files hold their first commit: what is found with it was never of use to anybody. */
export const creationMarkerName = 'creating'

/** Keys of the meta database that belong to this package. Named values of the core begin with `n`. */
export const reserved = { format: '!format', index: '!index' }

/** What may happen to the file, as the first byte of an encoded operation. */
export const operation = { put: 1, delete: 2, setMeta: 3, removeMeta: 4 }
/** Bytes before an operation's key: kind, length of the key, length of the value. */
export const operationHeaderBytes = 6

/**
 * Settings of one environment. Durability and safety are not options: a commit is synced before it becomes
 * visible, and opening trusts only what was flushed.
 *
 * @param {string} path the directory
 * @param {number} mapMaxBytes address space to reserve
 * @param {boolean} readOnly whether the caller only reads
 */
export function environmentOptions(path, mapMaxBytes, readOnly) {
  return {
    path,
    noSubdir: false,
    readOnly,
    mapSize: mapMaxBytes,
    maxDbs: 4,
    overlappingSync: false,
    safeRestore: true,
    noMemInit: true,
    cache: false,
    permissionsMode: 0o600,
    ...databaseOptions,
  }
}

/** Settings of every database in the environment: bytes in, bytes out. */
export const databaseOptions = /** @type {const} */ ({ keyEncoding: 'binary', encoding: 'binary' })
/** The databases of an environment. */
export const databaseNames = { revisions: 'revisions', meta: 'meta' }

/**
 * Writes a revision's key as etcd does: 8 bytes main, `_`, 8 bytes sub, big-endian, and `t` for a tombstone.
 * Bytewise order is then the order of (main, sub).
 *
 * @param {Uint8Array} target
 * @param {number} at where the key begins
 * @param {number} main
 * @param {number} sub
 * @param {boolean} tombstone
 * @returns {number} where the key ends
 */
export function writeRevisionKey(target, at, main, sub, tombstone) {
  writeUint64(target, at, main)
  target[at + 8] = 0x5f
  writeUint64(target, at + 9, sub)
  if (!tombstone) return at + revisionKeyBytes
  target[at + revisionKeyBytes] = 0x74
  return at + revisionKeyBytes + 1
}

/**
 * @param {Uint8Array} target
 * @param {number} at
 * @param {number} value a safe integer >= 0
 */
function writeUint64(target, at, value) {
  const high = Math.floor(value / 0x1_0000_0000)
  target[at] = high >>> 24
  target[at + 1] = high >>> 16
  target[at + 2] = high >>> 8
  target[at + 3] = high
  target[at + 4] = value >>> 24
  target[at + 5] = value >>> 16
  target[at + 6] = value >>> 8
  target[at + 7] = value
}

/**
 * Reads a big-endian integer of 8 bytes.
 *
 * @param {Buffer} bytes
 * @param {number} at
 */
export function readUint64(bytes, at) {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)
}

/**
 * Whether bytes are the key of a revision.
 *
 * @param {Buffer} key
 */
export function isRevisionKey(key) {
  if (key.length !== revisionKeyBytes && key.length !== revisionKeyBytes + 1) return false
  if (key[8] !== 0x5f || (key.length > revisionKeyBytes && key[revisionKeyBytes] !== 0x74)) return false
  return Number.isSafeInteger(readUint64(key, 0)) && Number.isSafeInteger(readUint64(key, 9))
}

/**
 * Fills in the checksum of a value: over its key too, so that a value under the wrong key is found out.
 * Key, value and four free bytes follow each other.
 *
 * @param {Buffer} bytes
 * @param {number} keyStart
 * @param {number} valueEnd
 */
export function writeChecksum(bytes, keyStart, valueEnd) {
  bytes.writeUInt32LE(crc32(bytes.subarray(keyStart, valueEnd)), valueEnd)
}

/**
 * Whether a stored value carries the checksum of itself under this key.
 *
 * @param {Buffer} key
 * @param {Buffer} stored the value and its checksum
 */
export function isIntact(key, stored) {
  const end = stored.length - checksumBytes
  return end >= 0 && crc32(stored.subarray(0, end), crc32(key)) === stored.readUInt32LE(end)
}
